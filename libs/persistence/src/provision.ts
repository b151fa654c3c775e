import { Client, escapeIdentifier, escapeLiteral, type DatabaseError } from 'pg';
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
 */
export async function provision(settings: ProvisionSettings): Promise<Record<ServiceName, string>> {
  const database = settings.database ?? 'hozen';
  const { address: admin, password } = parseDatabaseUrl(settings.adminUrl);
  const adminPassword = settings.adminPassword ?? password;
  await withClient(admin, adminPassword, async (client) => {
    // Roles belong to the whole server, so the lock is taken where every provisioner of it goes; two at once would see
    // "tuple concurrently updated" from the catalogue. It ends with the connection.
    await client.query(`select pg_advisory_lock(hashtextextended('hozen provision', 0))`);
    await createDatabase(client, database);
    await withClient({ ...admin, database }, adminPassword, (inside) => createServices(inside, database, settings));
  });
  const urls = SERVICE_NAMES.map((service) => [
    service,
    formatDatabaseUrl({ ...admin, database, user: roleOf(service) }),
  ]);
  return Object.fromEntries(urls) as Record<ServiceName, string>;
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
