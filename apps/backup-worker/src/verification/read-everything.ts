import { connect, copyOut, type PostgresAddress, type TargetClient } from '@hozen/dbms';

const DATABASES = `SELECT datname AS name FROM pg_database WHERE datallowconn ORDER BY datname`;

const TABLES = `
SELECT format('%I.%I', n.nspname, c.relname) AS name
FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'm') AND c.relispopulated AND c.relpersistence <> 't'
  AND NOT (c.relpersistence = 'u' AND pg_is_in_recovery())
ORDER BY c.relpages DESC`;

const INDEXES = `
SELECT c.oid FROM pg_index AS i JOIN pg_class AS c ON c.oid = i.indexrelid
JOIN pg_am AS am ON am.oid = c.relam
WHERE am.amname = 'btree' AND i.indisvalid AND i.indisready AND c.relpersistence = 'p' AND c.relkind = 'i'
ORDER BY c.relpages DESC`;

/** SQLSTATE of a server without the contributed modules. */
const NO_EXTENSION = new Set(['0A000', '58P01']);

export interface ReadEverything {
  address: PostgresAddress;
  applicationName: string;
  /** Sessions at a time. */
  jobs: number;
  signal: AbortSignal;
  onBytes: (bytes: number, item: string) => void;
}

export interface ReadCounts {
  databases: number;
  tables: number;
  /** B-trees that amcheck looked through. */
  indexes: number;
}

/**
 * Reads every row of every table of a server, and looks whether its B-trees are in order.
 * @throws HozenError of the TARGET_ codes, or the server's own error
 */
export async function readEverything(reading: ReadEverything): Promise<ReadCounts> {
  const counts: ReadCounts = { databases: 0, tables: 0, indexes: 0 };
  for (const database of await databasesOf(reading)) {
    reading.signal.throwIfAborted();
    counts.databases++;
    await readDatabase(reading, database, counts);
  }
  return counts;
}

async function databasesOf({ address, applicationName }: ReadEverything): Promise<string[]> {
  await using client = await connect(address, { applicationName });
  const { rows } = await client.query<{ name: string }>(DATABASES);
  return rows.map(({ name }) => name);
}

async function readDatabase(reading: ReadEverything, database: string, counts: ReadCounts): Promise<void> {
  const { address, applicationName, jobs, signal, onBytes } = reading;
  await using client = await connect(address, { applicationName, database });
  const { rows: tables } = await client.query<{ name: string }>(TABLES);
  const amcheck = await findAmcheck(client);
  const indexes = amcheck === undefined ? [] : (await client.query<{ oid: number }>(INDEXES)).rows;
  const lanes = Array.from({ length: jobs }, async () => {
    await using lane = await connect(address, { applicationName, database });
    for (let table = tables.shift(); table !== undefined; table = tables.shift()) {
      const item = table.name;
      await copyOut(
        lane,
        `COPY (SELECT * FROM ONLY ${item}) TO STDOUT`,
        (rows) => {
          onBytes(rows.length, item);
          return undefined;
        },
        signal,
      );
      counts.tables++;
    }
    for (let index = indexes.shift(); index !== undefined; index = indexes.shift()) {
      signal.throwIfAborted();
      await lane.query(`SELECT ${amcheck}.bt_index_check($1::oid::regclass)`, [index.oid]);
      counts.indexes++;
    }
  });
  await Promise.allSettled(lanes);
  await Promise.all(lanes);
}

/** The schema of amcheck, which is made where it is missing: the server is a scratch one. */
async function findAmcheck(client: TargetClient): Promise<string | undefined> {
  try {
    await client.query('CREATE SCHEMA IF NOT EXISTS hozen_amcheck');
    await client.query('CREATE EXTENSION IF NOT EXISTS amcheck SCHEMA hozen_amcheck');
    const { rows } = await client.query<{ schema: string }>(
      `SELECT quote_ident(nspname) AS schema FROM pg_extension JOIN pg_namespace AS n ON n.oid = extnamespace WHERE extname = 'amcheck'`,
    );
    return rows[0]?.schema;
  } catch (error) {
    if (error instanceof Error && 'code' in error && NO_EXTENSION.has(String(error.code))) return undefined;
    throw error;
  }
}
