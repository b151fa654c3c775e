import { HozenError } from '@hozen/contracts';
import { Client, escapeIdentifier, escapeLiteral, DatabaseError } from 'pg';
import { formatDatabaseUrl, parseDatabaseUrl, type DatabaseAddress } from './database-url.js';
import { scramVerifier } from './scram-verifier.js';
import { roleOf, SERVICE_NAMES, type ServiceName } from './services.js';
import { sslOptions } from './ssl-options.js';

export interface ProvisionSettings {
  /** URL of a role that may create roles and databases. */
  adminUrl: string;
  /** Default: the URL's own password, if it has one. */
  adminPassword?: string | undefined;
  /** Database of the services; default `hozen`. Created when missing. */
  database?: string;
  /** Password that a role shall have; undefined: it gets or keeps none (socket with `peer` or `trust`). */
  passwordOf: (role: string) => string | undefined | Promise<string | undefined>;
}

/**
 * Creates what the services need on their PostgreSQL server: the database, and for each service a login role that owns
 * a schema and has no right on any other. May be run again at any time, and by several at once.
 * @returns for each service the URL of its role, without password
 * @throws HozenError SERVICE_UNREACHABLE, SETTINGS_INVALID (the server refuses the login, or what the role asks for)
 */
export async function provision(settings: ProvisionSettings): Promise<Record<ServiceName, string>> {
  const database = settings.database ?? 'hozen';
  const { address: admin, password } = parseDatabaseUrl(settings.adminUrl);
  try {
    await createAll(admin, settings.adminPassword ?? password, database, settings);
  } catch (error) {
    throw asProvisionError(error, admin);
  }
  const urls = SERVICE_NAMES.map((service) => [
    service,
    formatDatabaseUrl({ ...admin, database, user: roleOf(service) }),
  ]);
  return Object.fromEntries(urls) as Record<ServiceName, string>;
}

async function createAll(
  admin: DatabaseAddress,
  adminPassword: string | undefined,
  database: string,
  settings: ProvisionSettings,
): Promise<void> {
  await withClient(admin, adminPassword, async (client) => {
    // Roles belong to the whole server, so the lock is taken where every provisioner of it goes; two at once would see
    // "tuple concurrently updated" from the catalogue. It ends with the connection.
    await client.query(`select pg_advisory_lock(hashtextextended('hozen provision', 0))`);
    await createDatabase(client, database);
    await withClient({ ...admin, database }, adminPassword, (inside) => createServices(inside, database, settings));
  });
}

/** Wrong password, unknown database, missing right, too many connections: the server is there and says no. */
const REFUSALS = /^(?:28|3D|42501|53300)/;
const CONNECTION_LOST = /^(?:08|57P)/;

/** What the server of the settings says is for whoever wrote them to correct, and no fault of ours. */
function asProvisionError(error: unknown, admin: DatabaseAddress): unknown {
  const { code = '', message } = error as DatabaseError;
  if (error instanceof HozenError) return error;
  const sqlState = error instanceof DatabaseError;
  if (sqlState && REFUSALS.test(code)) {
    const what = `the server ${admin.host}:${admin.port} refuses user "${admin.user}"`;
    return new HozenError('SETTINGS_INVALID', { what }, { detail: message, cause: error });
  }
  if (sqlState && !CONNECTION_LOST.test(code)) return error;
  const params = { url: formatDatabaseUrl(admin), variable: 'HOZEN_DATABASE_URL' };
  return new HozenError('SERVICE_UNREACHABLE', params, { detail: message, cause: error });
}

async function createServices(client: Client, database: string, settings: ProvisionSettings): Promise<void> {
  await client.query('begin');
  await closeToOthers(client, database);
  for (const service of SERVICE_NAMES) {
    await createRole(client, roleOf(service), await settings.passwordOf(roleOf(service)));
    await createSchema(client, service, database);
  }
  await client.query('commit');
}

async function withClient<T>(
  address: DatabaseAddress,
  password: string | undefined,
  work: (client: Client) => Promise<T>,
): Promise<T> {
  const client = new Client({
    host: address.host,
    port: address.port,
    user: address.user,
    database: address.database,
    ssl: sslOptions(address),
    password,
    application_name: 'hozen/provision',
    connectionTimeoutMillis: 10_000,
  });
  // Without a listener a lost connection ends the process; the pending query reports it as well.
  client.on('error', () => undefined);
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

const ALREADY_THERE = ['42P04', '23505'];

async function createDatabase(client: Client, database: string): Promise<void> {
  const found = await client.query(`select from pg_database where datname = $1`, [database]);
  if (found.rowCount) return;
  try {
    await client.query(`create database ${escapeIdentifier(database)} encoding 'UTF8' template template0`);
  } catch (error) {
    if (!ALREADY_THERE.includes((error as DatabaseError).code ?? '')) throw error;
  }
}

async function closeToOthers(client: Client, database: string): Promise<void> {
  await client.query(`revoke all on database ${escapeIdentifier(database)} from public`);
  await client.query(`revoke create on schema public from public`);
}

async function createRole(client: Client, role: string, password: string | undefined): Promise<void> {
  const name = escapeIdentifier(role);
  const found = await client.query(`select from pg_roles where rolname = $1`, [role]);
  await client.query(`${found.rowCount ? 'alter' : 'create'} role ${name} login`);
  if (password === undefined) return;
  await client.query(`alter role ${name} password ${escapeLiteral(await scramVerifier(password))}`);
}

async function createSchema(client: Client, service: ServiceName, database: string): Promise<void> {
  const [schema, role] = [escapeIdentifier(service), escapeIdentifier(roleOf(service))];
  await client.query(`grant connect on database ${escapeIdentifier(database)} to ${role}`);
  await client.query(`create schema if not exists ${schema}`);
  // An administrator who is no superuser may hand over only to a role it is a member of.
  const { rows } = await client.query<{ superuser: boolean }>(
    `select rolsuper as superuser from pg_roles where rolname = current_user`,
  );
  if (!rows[0]?.superuser) await client.query(`grant ${role} to current_user`);
  await client.query(`alter schema ${schema} owner to ${role}`);
  await client.query(`revoke all on schema ${schema} from public`);
}
