import type { Flavour } from '@hozen/dbms';

/** Where mariadb-dump and mysqldump set the mode in which rows are taken back. */
const MODE = "SQL_MODE='NO_AUTO_VALUE_ON_ZERO' */;\n";

/**
 * Dates that a session without this would take for zero, `2010-02-31`, and say nothing.
 * And rows of MariaDB that a CHECK does not let in: it was not looked at when they came, or asks for the time.
 */
const SET_INSTEAD: Readonly<Record<Flavour, string>> = {
  mariadb: "SQL_MODE='NO_AUTO_VALUE_ON_ZERO,ALLOW_INVALID_DATES' */;\nSET CHECK_CONSTRAINT_CHECKS=0;\n",
  mysql: "SQL_MODE='NO_AUTO_VALUE_ON_ZERO,ALLOW_INVALID_DATES' */;\n",
};

/** The settings stand among the first lines, which are shorter than this. */
const HEAD_BYTES = 4096;

/** Has a dump take back every row that the server has, whatever it would say to a new one. */
export class DumpHead {
  #head: Buffer | undefined = Buffer.alloc(0);

  constructor(private readonly flavour: Flavour) {}

  /** @returns what is known by now of the dump as it is to be stored; perhaps the chunk itself */
  push(chunk: Buffer): Buffer {
    if (this.#head === undefined) return chunk;
    this.#head = Buffer.concat([this.#head, chunk]);
    return this.#head.length < HEAD_BYTES ? Buffer.alloc(0) : this.end();
  }

  /** @returns what is left */
  end(): Buffer {
    const head = this.#head ?? Buffer.alloc(0);
    this.#head = undefined;
    const at = head.subarray(0, HEAD_BYTES).indexOf(MODE);
    if (at < 0) return head;
    const set = Buffer.from(SET_INSTEAD[this.flavour]);
    return Buffer.concat([head.subarray(0, at), set, head.subarray(at + MODE.length)]);
  }
}
