import type { MariadbClient } from './connect-mariadb.js';
import type { Flavour, ServerKind } from './flavour.js';

export interface MariadbDatabase {
  name: string;
  /** Its character set. */
  encoding: string;
  collation: string;
  /** MySQL's have none. */
  comment: string;
  /** Of data and indexes, as the server estimates it. */
  bytes: number;
  tables: number;
}

export interface MariadbFacts extends ServerKind {
  /** Of this server, where it has one: stays the same when it is renamed or moved. */
  systemIdentifier: string;
  dataDir: string;
  /** What is written goes into a binary log. */
  binlog: boolean;
  /** 0, 1 or 2: whether names of tables differ by case. */
  lowerCaseTableNames: number;
  databases: MariadbDatabase[];
  /** Of the data directory, which the server takes for databases without tables: `lost+found`. */
  folders: string[];
  totals: { databases: number; bytes: number };
  /** Tables that one snapshot does not hold: `database.table`. */
  nonTransactional: string[];
  /** Tables with a history of their rows, which a dump does not hold: `database.table`. */
  versioned: string[];
  /** Rights that are needed and that we do not have. */
  missingRights: string[];
}

const SYSTEM = `('information_schema', 'performance_schema', 'mysql', 'sys')`;

const SERVER = `
  SELECT @@log_bin AS binlog, @@lower_case_table_names AS lowerCase, @@datadir AS dataDir, @@hostname AS host, @@port AS port`;

const IDENTIFIER = `SHOW GLOBAL VARIABLES WHERE Variable_name IN ('server_uid', 'server_uuid')`;

const COMMENT: Readonly<Record<Flavour, string>> = { mariadb: 'max(s.schema_comment)', mysql: `''` };

const databasesOf = (flavour: Flavour) => `
  SELECT s.schema_name AS name, s.default_character_set_name AS encoding,
         s.default_collation_name AS collation, ${COMMENT[flavour]} AS comment,
         CAST(coalesce(sum(t.data_length + t.index_length), 0) AS CHAR) AS bytes,
         CAST(count(CASE WHEN t.table_type IN ('BASE TABLE', 'SYSTEM VERSIONED') THEN 1 END) AS CHAR) AS tables
    FROM information_schema.schemata AS s
    LEFT JOIN information_schema.tables AS t ON t.table_schema = s.schema_name
   WHERE s.schema_name NOT IN ${SYSTEM}
   GROUP BY s.schema_name, s.default_character_set_name, s.default_collation_name
   ORDER BY s.schema_name`;

const NON_TRANSACTIONAL = `
  SELECT concat(table_schema, '.', table_name) AS name
    FROM information_schema.tables AS t JOIN information_schema.engines AS e ON e.engine = t.engine
   WHERE t.table_schema NOT IN ${SYSTEM} AND t.table_type IN ('BASE TABLE', 'SYSTEM VERSIONED') AND coalesce(e.transactions, 'NO') <> 'YES'
   ORDER BY 1 LIMIT 20`;

const VERSIONED = `
  SELECT concat(table_schema, '.', table_name) AS name FROM information_schema.tables
   WHERE table_schema NOT IN ${SYSTEM} AND table_type = 'SYSTEM VERSIONED' ORDER BY 1 LIMIT 20`;

/** On everything; a right on single databases would leave out the next one that is created. */
export const DUMP_RIGHTS = ['SELECT', 'SHOW VIEW', 'TRIGGER', 'EVENT'] as const;

/** MySQL tells the place in the binary log only to whoever holds all writers up for that moment. */
const MYSQL_LOG_RIGHTS = ['RELOAD', 'REPLICATION CLIENT'] as const;

/** Of a copy of the files. */
export const COPY_RIGHTS = ['RELOAD', 'PROCESS', 'LOCK TABLES', 'BINLOG MONITOR'] as const;

/** Of a copy of the binary log. */
export const BINLOG_RIGHTS: Readonly<Record<Flavour, readonly string[]>> = {
  mariadb: ['RELOAD', 'BINLOG MONITOR', 'REPLICATION SLAVE'],
  mysql: ['RELOAD', 'REPLICATION CLIENT', 'REPLICATION SLAVE'],
};

const RIGHTS = `
  SELECT privilege_type AS privilege FROM information_schema.user_privileges
   WHERE grantee = concat('''', replace(current_user(), '@', '''@'''), '''')`;

/** What the server puts before the name of a folder that does not stand for the name of a database. */
const NO_DATABASE = '#mysql50#';

const COMPONENTS = `SELECT component_urn AS urn FROM mysql.component ORDER BY 1`;

type DatabaseRow = Omit<MariadbDatabase, 'bytes' | 'tables'> & { bytes: string; tables: string };

/** All but the server's own. @throws HozenError of the TARGET_ codes */
export async function mariadbDatabases(client: MariadbClient): Promise<MariadbDatabase[]> {
  return (await databasesAndFolders(client)).databases;
}

async function databasesAndFolders(client: MariadbClient): Promise<Pick<MariadbFacts, 'databases' | 'folders'>> {
  const rows = await client.query<DatabaseRow>(databasesOf(client.flavour));
  const folders: string[] = [];
  for (const { name } of rows) if (await isFolder(client, name)) folders.push(name);
  const databases = rows
    .filter(({ name }) => !folders.includes(name))
    .map((row) => ({ ...row, bytes: Math.round(Number(row.bytes)), tables: Number(row.tables) }));
  return { databases, folders: folders.map((name) => name.slice(NO_DATABASE.length)) };
}

/** The server itself gives no folder such a name; there may be tables in it that are older than version 5.1. */
async function isFolder(client: MariadbClient, name: string): Promise<boolean> {
  if (!name.startsWith(NO_DATABASE)) return false;
  return client.query(`SHOW TABLES FROM ${client.name(name)}`).then(
    (tables) => tables.length === 0,
    () => true,
  );
}

/**
 * @param needed rights; by default those of a dump
 * @throws HozenError of the TARGET_ codes
 */
export async function inspectMariadb(client: MariadbClient, needed?: readonly string[]): Promise<MariadbFacts> {
  const [server] = await client.query<{
    binlog: string;
    lowerCase: string;
    dataDir: string;
    host: string;
    port: string;
  }>(SERVER);
  if (!server) throw new Error('the server returned no row');
  const [identifier] = await client.query<{ Value: string }>(IDENTIFIER);
  const { databases, folders } = await databasesAndFolders(client);
  const rights = new Set((await client.query<{ privilege: string }>(RIGHTS)).map(({ privilege }) => privilege));
  const binlog = Number(server.binlog) === 1;
  const wanted = needed ?? dumpRights(client.flavour, binlog);
  return {
    ...client.address.server,
    systemIdentifier: identifier?.Value ?? `${server.host}:${server.port}`,
    dataDir: server.dataDir,
    binlog,
    lowerCaseTableNames: Number(server.lowerCase),
    databases,
    folders,
    totals: { databases: databases.length, bytes: databases.reduce((sum, { bytes }) => sum + bytes, 0) },
    nonTransactional: (await client.query<{ name: string }>(NON_TRANSACTIONAL)).map(({ name }) => name),
    versioned: (await client.query<{ name: string }>(VERSIONED)).map(({ name }) => name),
    missingRights: wanted.filter((right) => !rights.has(right)),
  };
}

function dumpRights(flavour: Flavour, binlog: boolean): readonly string[] {
  return flavour === 'mysql' && binlog ? [...DUMP_RIGHTS, ...MYSQL_LOG_RIGHTS] : DUMP_RIGHTS;
}

/** What was installed into a MySQL server, `file://component_query_attributes`. @throws HozenError of the TARGET_ codes */
export async function mysqlComponents(client: MariadbClient): Promise<string[]> {
  if (client.flavour !== 'mysql') return [];
  return (await client.query<{ urn: string }>(COMPONENTS)).map(({ urn }) => urn);
}
