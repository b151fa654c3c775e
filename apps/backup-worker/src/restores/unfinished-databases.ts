import { mariadbDatabases, type Flavour, type MariadbClient } from '@hozen/dbms';
import type { RestoreRow } from './restore-row.js';

/** Which databases of a server are the work of a restore that is not at its end, and of which attempt. */
export interface UnfinishedDatabases {
  /** Makes one; whoever finds it from now on knows whose it is. */
  create(client: MariadbClient, name: string, how: string): Promise<void>;
  /** Name → epoch of the attempt that made it. */
  find(client: MariadbClient): Promise<ReadonlyMap<string, number>>;
  /** SQL that counts those of this attempt. */
  counted(client: MariadbClient): string;
  /** From here on it is somebody's, and bears its own comment. */
  open(client: MariadbClient, name: string, comment: string): Promise<void>;
  /** What only this needed goes, where nothing is unfinished any more. */
  tidy(client: MariadbClient): Promise<void>;
}

type Attempt = Pick<RestoreRow, 'id' | 'epoch'>;

const KINDS: Readonly<Record<Flavour, (row: Attempt) => UnfinishedDatabases>> = {
  mariadb: (row) => new ByComment(row),
  mysql: (row) => new ByList(row),
};

export function unfinishedDatabases(client: MariadbClient, row: Attempt): UnfinishedDatabases {
  return KINDS[client.flavour](row);
}

/** A database of MariaDB is made with a comment, in one statement. */
class ByComment implements UnfinishedDatabases {
  constructor(private readonly row: Attempt) {}

  get #beginning(): string {
    return `hozen restore ${this.row.id} `;
  }

  async create(client: MariadbClient, name: string, how: string): Promise<void> {
    await client.query(`CREATE DATABASE ${client.name(name)} ${how} COMMENT ${client.literal(this.#mark)}`);
  }

  async find(client: MariadbClient): Promise<ReadonlyMap<string, number>> {
    const ours = (await mariadbDatabases(client)).filter(({ comment }) => comment.startsWith(this.#beginning));
    return new Map(ours.map(({ name, comment }) => [name, Number(comment.slice(this.#beginning.length))]));
  }

  counted(client: MariadbClient): string {
    return `SELECT count(*) FROM information_schema.schemata WHERE schema_comment = ${client.literal(this.#mark)}`;
  }

  async open(client: MariadbClient, name: string, comment: string): Promise<void> {
    await client.query(`ALTER DATABASE ${client.name(name)} COMMENT ${client.literal(comment)}`);
  }

  async tidy(): Promise<void> {
    // There is nothing but the comment.
  }

  get #mark(): string {
    return this.#beginning + this.row.epoch;
  }
}

const EXISTS = 'SELECT 1 AS found FROM information_schema.schemata WHERE schema_name = ?';

const CONTENT = `
  SELECT 1 AS found FROM information_schema.tables WHERE table_schema = ?
  UNION ALL SELECT 1 FROM information_schema.routines WHERE routine_schema = ?
  UNION ALL SELECT 1 FROM information_schema.events WHERE event_schema = ?
  LIMIT 1`;

/** A database of MySQL has no comment: a list of them stands in a database of its own as long as the restore goes on. */
class ByList implements UnfinishedDatabases {
  readonly #database: string;

  constructor(private readonly row: Attempt) {
    this.#database = `hozen_restore_${row.id.replaceAll('-', '')}`;
  }

  async create(client: MariadbClient, name: string, how: string): Promise<void> {
    await client.query(`CREATE DATABASE IF NOT EXISTS ${client.name(this.#database)}`);
    await client.query(
      `CREATE TABLE IF NOT EXISTS ${this.#list(client)}
         (name VARCHAR(64) COLLATE utf8mb4_bin PRIMARY KEY, epoch BIGINT NOT NULL, made BOOLEAN NOT NULL)`,
    );
    // Before it is made, or nobody would know of it where we die in between.
    await client.query(`INSERT INTO ${this.#list(client)} VALUES (?, ?, FALSE)`, [name, this.row.epoch]);
    await client.query(`CREATE DATABASE ${client.name(name)} ${how}`);
    await client.query(`UPDATE ${this.#list(client)} SET made = TRUE WHERE name = ?`, [name]);
  }

  async find(client: MariadbClient): Promise<ReadonlyMap<string, number>> {
    const found = new Map<string, number>();
    for (const { name, epoch, made } of await this.#all(client)) {
      const [there] = await client.query(EXISTS, [name]);
      if (there && (Number(made) === 1 || (await isEmpty(client, name)))) found.set(name, Number(epoch));
    }
    return found;
  }

  counted(client: MariadbClient): string {
    return `SELECT count(*) FROM ${this.#list(client)} WHERE epoch = ${Number(this.row.epoch)} AND made`;
  }

  async open(client: MariadbClient, name: string): Promise<void> {
    await client.query(`DELETE FROM ${this.#list(client)} WHERE name = ?`, [name]);
  }

  async tidy(client: MariadbClient): Promise<void> {
    if ((await this.find(client)).size > 0) return;
    await client.query(`DROP DATABASE IF EXISTS ${client.name(this.#database)}`);
  }

  async #all(client: MariadbClient): Promise<{ name: string; epoch: string; made: string }[]> {
    if (await isEmpty(client, this.#database)) return [];
    return client.query(`SELECT name, epoch, made FROM ${this.#list(client)}`);
  }

  #list(client: MariadbClient): string {
    return `${client.name(this.#database)}.unfinished`;
  }
}

/** Where it is not known who made it: nobody has put anything into it. */
async function isEmpty(client: MariadbClient, name: string): Promise<boolean> {
  return (await client.query(CONTENT, [name, name, name])).length === 0;
}
