import { createHash, type Hash } from 'node:crypto';

/** What a dump holds, table by table: the text of its rows, and per database that of everything else. */
export interface DumpContent {
  tables: { database: string; table: string; bytes: number; sha256: string }[];
  definitions: { database: string; bytes: number; sha256: string }[];
  /** Where in the binary log the moment of the dump lies. */
  binlog?: { file: string; position: number };
}

/** Every dump ends with this, or it was cut off. */
const END_MARK = '/*!40111 SET SQL_NOTES=@OLD_SQL_NOTES */;';
/** As much of a line as tells what it is: a name has 64 characters, some of which may be doubled. */
const HEAD_BYTES = 640;
const LINE_FEED = 0x0a;
const INSERT = 'INSERT INTO `';
const POSITION = /^-- CHANGE MASTER TO MASTER_LOG_FILE='((?:[^'\\]|\\.)+)', MASTER_LOG_POS=(\d+);$/;

interface Sum {
  hash: Hash;
  bytes: number;
}

/**
 * Reads the output of mariadb-dump as it comes. A dump that is made again of what was restored from it gives the same
 * content: that is the proof.
 */
export class DumpContentReader {
  readonly #tables: DumpContent['tables'] = [];
  readonly #definitions = new Map<string, Sum>();
  #database = '';
  #table: (Sum & { name: string }) | undefined;
  #binlog: DumpContent['binlog'];
  /** The beginning of a line, until it is known what it is. */
  #head = Buffer.alloc(0);
  /** Where the rest of the line goes; undefined at its beginning. */
  #line: Sum | 'nowhere' | undefined;
  #lastLine = '';

  /** @param chunk is not kept */
  push(chunk: Buffer): void {
    for (let at = 0; at < chunk.length;) {
      const end = chunk.indexOf(LINE_FEED, at);
      const piece = chunk.subarray(at, end < 0 ? chunk.length : end + 1);
      this.#piece(piece, end >= 0);
      at += piece.length;
    }
  }

  /** @throws RangeError when it was cut off */
  end(): DumpContent {
    if (this.#head.length > 0) this.#piece(Buffer.from('\n'), true);
    if (this.#lastLine !== END_MARK) throw new RangeError('the dump is cut off');
    this.#endTable();
    return {
      tables: this.#tables,
      definitions: [...this.#definitions].map(([database, sum]) => ({ database, ...digested(sum) })),
      ...(this.#binlog ? { binlog: this.#binlog } : {}),
    };
  }

  #piece(piece: Buffer, isEnd: boolean): void {
    if (this.#line === undefined) {
      this.#head = this.#head.length === 0 ? Buffer.from(piece) : Buffer.concat([this.#head, piece]);
      if (!isEnd && this.#head.length < HEAD_BYTES) return;
      this.#line = this.#begun(this.#head.toString('utf8', 0, HEAD_BYTES));
      add(this.#line, this.#head);
      this.#head = Buffer.alloc(0);
    } else {
      add(this.#line, piece);
    }
    if (isEnd) this.#line = undefined;
  }

  /** @param text the line, or its beginning */
  #begun(text: string): Sum | 'nowhere' {
    const line = text.endsWith('\n') ? text.slice(0, -1) : text;
    if (line !== '') this.#lastLine = line;
    if (line.startsWith(INSERT)) return this.#rowsOf(nameIn(line, INSERT.length));
    // Rows stand on lines of their own, after the one that names the table.
    if (this.#table && line.startsWith('(')) return this.#table;
    this.#endTable();
    const [, file, position] = POSITION.exec(line) ?? [];
    if (file !== undefined) {
      this.#binlog = { file, position: Number(position) };
      return 'nowhere';
    }
    if (line.startsWith('USE `') && line.endsWith('`;')) this.#database = nameIn(line, 'USE `'.length);
    const sum = this.#definitions.get(this.#database) ?? newSum();
    this.#definitions.set(this.#database, sum);
    return sum;
  }

  #rowsOf(name: string): Sum {
    if (this.#table?.name !== name) {
      this.#endTable();
      this.#table = { name, ...newSum() };
    }
    return this.#table ?? newSum();
  }

  #endTable(): void {
    const table = this.#table;
    this.#table = undefined;
    if (table) this.#tables.push({ database: this.#database, table: table.name, ...digested(table) });
  }
}

/** What differs, by name; nothing where both are the same. */
export function differencesOf(expected: DumpContent, found: DumpContent): string[] {
  const named = (content: DumpContent) =>
    new Map([
      ...content.definitions.map((each) => [`definitions of ${each.database || 'the server'}`, each.sha256] as const),
      ...content.tables.map((each) => [`${each.database}.${each.table}`, each.sha256] as const),
    ]);
  const [one, other] = [named(expected), named(found)];
  return [...new Set([...one.keys(), ...other.keys()])].filter((name) => one.get(name) !== other.get(name));
}

function newSum(): Sum {
  return { hash: createHash('sha256'), bytes: 0 };
}

function add(sum: Sum | 'nowhere', bytes: Buffer): void {
  if (sum === 'nowhere') return;
  sum.hash.update(bytes);
  sum.bytes += bytes.length;
}

function digested({ hash, bytes }: Sum): { bytes: number; sha256: string } {
  return { bytes, sha256: hash.digest('hex') };
}

/** A quoted name, up to the quote that is not doubled. */
function nameIn(line: string, from: number): string {
  const [, name = ''] = /^((?:[^`]|``)*)`/.exec(line.slice(from)) ?? [];
  return name.replaceAll('``', '`');
}
