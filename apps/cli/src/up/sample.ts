import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { HozenError } from '@hozen/contracts';
import { connect, inspectCluster, PrivatePostgres, type PrivatePostgresOptions, type TargetClient } from '@hozen/dbms';
import { parseDocument, type Document } from 'yaml';
import { bytesText } from '../terminal/units.js';
import type { Home } from './home.js';
import { keepRunning } from './keep-running.js';
import { keptPostgres } from './kept-servers.js';
import type { Say } from './say.js';
import type { Secrets } from './secrets.js';

const SHIPPED = fileURLToPath(new URL('../../../../deploy/sample/', import.meta.url));

/** The config of the sample file that `hozen up` runs. */
export const SAMPLE_CONFIG = 'nightly';
const SAMPLE_TARGET = 'sample';

/** The databases of the sample and the files that fill them. */
const DATABASES = { shop: 'shop.sql', library: 'library.sql' } as const;

const SECRET = 'sample';
const APPLICATION = { applicationName: 'hozen/sample' };

/** A PostgreSQL cluster to be backed up: made and loaded once, started again with the same data afterwards. */
export async function startSample(
  home: Home,
  secrets: Secrets,
  say: Say,
  stack: AsyncDisposableStack,
): Promise<PrivatePostgres> {
  const server = await onItsPort(home, {
    dataDir: join(home.sample, 'data'),
    logFile: join(home.logs, 'sample.log'),
    listen: 'tcp',
    password: await secrets.password(SECRET),
    keep: true,
  });
  stack.use(server);
  stack.defer(keepRunning(keptPostgres('sample', server), say));
  await load(server, say);
  await using client = await connect(server.address(), APPLICATION);
  const { databases } = await inspectCluster(client);
  const size = databases.reduce((sum, { bytes }) => sum + Number(bytes), 0);
  say.done('up.sample', { where: `127.0.0.1:${server.port}`, size: bytesText(size) });
  return server;
}

/** A run that was interrupted goes on before anybody is told of another port: so it is the same again, unless it is taken. */
async function onItsPort(home: Home, options: PrivatePostgresOptions): Promise<PrivatePostgres> {
  const file = join(home.run, 'sample.port');
  const last = Number(await readFile(file, 'utf8').catch(() => 0));
  const known = Number.isInteger(last) && last > 0 ? await startedOn(last, options) : undefined;
  const server = known ?? (await PrivatePostgres.start(options));
  await writeFile(file, String(server.port));
  return server;
}

/** @returns undefined where somebody else has the port */
async function startedOn(port: number, options: PrivatePostgresOptions): Promise<PrivatePostgres | undefined> {
  try {
    return await PrivatePostgres.start({ ...options, port });
  } catch (error) {
    if (error instanceof HozenError && error.code === 'PORT_TAKEN') return undefined;
    throw error;
  }
}

/** What `hozen up` applies. */
export interface SampleFile {
  /** The user's `backups.yaml` in the data folder. */
  path: string;
  /** The target as it is now: its port may be another at every start. */
  target: unknown;
}

/**
 * Writes the shipped `backups.yaml` with this machine's addresses into the data folder, once. From then on it is the
 * user's, and only the address in it follows the machine.
 */
export async function writeSampleFile(home: Home, secrets: Secrets, server: PrivatePostgres): Promise<SampleFile> {
  const shipped = parseDocument(await readFile(join(SHIPPED, 'backups.yaml'), 'utf8'));
  setAddress(shipped, 0, server);
  shipped.setIn(['targets', 0, 'password'], secrets.reference(SECRET));
  shipped.setIn(['configs', 0, 'storage', 'path'], home.backups);
  const path = join(home.path, 'backups.yaml');
  const text = await readFile(path, 'utf8').catch(() => undefined);
  const document = text === undefined ? shipped : withAddress(text, server);
  if (document) await writeFile(path, document.toString(), { mode: 0o600 });
  return { path, target: (shipped.toJS() as { targets: unknown[] }).targets[0] };
}

/** @returns undefined where the sample is not in it */
function withAddress(text: string, server: PrivatePostgres): Document | undefined {
  const document = parseDocument(text);
  const { targets } = (document.errors.length === 0 ? (document.toJS() as { targets?: unknown }) : {}) ?? {};
  if (!Array.isArray(targets)) return undefined;
  const index = targets.findIndex((each) => (each as { name?: unknown } | null)?.name === SAMPLE_TARGET);
  if (index < 0) return undefined;
  setAddress(document, index, server);
  return document;
}

function setAddress(document: Document, index: number, server: PrivatePostgres): void {
  const { host, port } = server.address();
  document.setIn(['targets', index, 'host'], host);
  document.setIn(['targets', index, 'port'], port);
}

/** Each database appears under its name only when it is whole; one that a kill left half-loaded is made again. */
async function load(server: PrivatePostgres, say: Say): Promise<void> {
  await using client = await connect(server.address(), APPLICATION);
  await query(client, await readFile(join(SHIPPED, 'roles.sql'), 'utf8'));
  const { rows } = await client.query<{ datname: string }>('select datname from pg_database');
  const there = new Set(rows.map(({ datname }) => datname));
  const missing = Object.entries(DATABASES).filter(([name]) => !there.has(name));
  if (missing.length > 0) say.step('up.sample-loading');
  for (const [name, file] of missing) {
    await query(client, `drop database if exists ${name}_loading`);
    await query(client, `create database ${name}_loading owner sample_owner`);
    await fill(server, `${name}_loading`, await readFile(join(SHIPPED, file), 'utf8'));
    await query(client, `alter database ${name}_loading rename to ${name}`);
  }
}

async function fill(server: PrivatePostgres, database: string, sql: string): Promise<void> {
  await using client = await connect(server.address(database), APPLICATION);
  await query(client, sql);
}

async function query(client: TargetClient, sql: string): Promise<void> {
  await client.query(sql);
}
