import { readFile } from 'node:fs/promises';
import { createConnection, type Connection, type ConnectionOptions, type RowDataPacket } from 'mysql2/promise';
import { asMariadbError } from './mariadb-error.js';
import { serverKindOf, type Flavour } from './flavour.js';
import { isSocket, type AnsweringMariadb, type MariadbAddress } from './mariadb-address.js';

const CONNECT_TIMEOUT_MS = 10_000;

/** Of every session of ours: names stand in backticks, and a backslash escapes. */
const SQL_MODE = 'STRICT_ALL_TABLES';

/** What a server has for all its sessions must not end one of ours in the middle of a question, or between two. */
const LIMITS: Readonly<Record<Flavour, string>> = {
  mariadb: 'max_statement_time = 0, wait_timeout = 28800',
  mysql: 'max_execution_time = 0, wait_timeout = 28800',
};

/** A connected client whose errors name the target. */
export class MariadbClient implements AsyncDisposable {
  constructor(
    private readonly connection: Connection,
    readonly address: AnsweringMariadb,
  ) {
    // Without a listener the loss of an idle connection would end the process. The next query reports it.
    connection.on('error', () => undefined);
  }

  get flavour(): Flavour {
    return this.address.server.flavour;
  }

  /** @throws HozenError of the TARGET_ codes */
  async query<Row extends object>(sql: string, values: readonly unknown[] = []): Promise<Row[]> {
    try {
      return await rowsOf<Row>(this.connection, sql, values);
    } catch (error) {
      throw asMariadbError(error, this.address);
    }
  }

  /** `` `name` `` */
  name(name: string): string {
    return `\`${name.replaceAll('`', '``')}\``;
  }

  /** `'text'`, as every session of ours understands it. */
  literal(text: string): string {
    return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "''")}'`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.connection.end().catch(() => undefined);
  }
}

/** @throws HozenError TARGET_UNREACHABLE, TARGET_AUTH_FAILED, TARGET_NOT_READY, TARGET_CONNECTION_LOST */
export async function connectMariadb(address: MariadbAddress): Promise<MariadbClient> {
  try {
    const connection = await createConnection(await optionsFor(address));
    const [answer] = await rowsOf<{ version: string }>(connection, 'SELECT version() AS version');
    const client = new MariadbClient(connection, { ...address, server: serverKindOf(answer?.version ?? '') });
    // What the server has set as its own would change how names and texts are quoted, in both directions.
    await client.query(`SET SESSION sql_mode = '${SQL_MODE}', time_zone = '+00:00', ${LIMITS[client.flavour]}`);
    // Else the sizes of tables are those of yesterday.
    if (client.flavour === 'mysql') await client.query('SET SESSION information_schema_stats_expiry = 0');
    return client;
  } catch (error) {
    throw asMariadbError(error, address);
  }
}

async function rowsOf<Row extends object>(
  connection: Connection,
  sql: string,
  values: readonly unknown[] = [],
): Promise<Row[]> {
  const [rows] = await connection.query<RowDataPacket[]>(sql, [...values]);
  return (Array.isArray(rows) ? rows : []) as unknown as Row[];
}

async function optionsFor(address: MariadbAddress): Promise<ConnectionOptions> {
  const { host, port, user, password } = address;
  const place = isSocket(address) ? { socketPath: host } : { host, port };
  return {
    ...place,
    user,
    ...(password === undefined ? {} : { password }),
    ...(await sslFor(address)),
    connectTimeout: CONNECT_TIMEOUT_MS,
    charset: 'utf8mb4',
    supportBigNumbers: true,
    bigNumberStrings: true,
    dateStrings: true,
  };
}

/** `prefer` is without TLS here: a server that refuses it says so only when it is too late to try without. */
async function sslFor(address: MariadbAddress): Promise<Pick<ConnectionOptions, 'ssl'>> {
  const { sslMode, sslRootCert } = address;
  if (isSocket(address) || sslMode === 'disable' || sslMode === 'prefer') return {};
  if (sslMode === 'require') return { ssl: { rejectUnauthorized: false } };
  const ca = sslRootCert === undefined ? {} : { ca: await readFile(sslRootCert, 'utf8') };
  return { ssl: { ...ca, rejectUnauthorized: true, verifyIdentity: sslMode === 'verify-full' } };
}
