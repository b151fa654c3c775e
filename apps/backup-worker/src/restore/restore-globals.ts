import { asTargetError, connect, runSingle, type TargetClient } from '@hozen/dbms';
import { HozenError } from '@hozen/contracts';
import { corrupt } from '../artefact/artefact-file.js';
import { ROLES, TABLESPACES } from '../methods/postgres-logical/dump-globals.js';
import { SESSION_OPTIONS, type ClusterRestore } from './cluster-restore.js';
import { globalStatements } from './global-statements.js';
import { storedCluster } from './restore-plan.js';
import { encodingOf } from './sql-statements.js';

/** SQLSTATE duplicate_object: the role or tablespace is there already, and is altered to what the backup says. */
const EXISTS = '42710';

/** SQLSTATEs that say nothing about the statement: the connection, room and memory, somebody who ends the server. */
const OF_THE_SERVER = /^(?:08|53|57)/;

/** Tablespaces; the roles that own them are there by then. */
export async function restoreTablespaces(restore: ClusterRestore): Promise<void> {
  if (restore.tablespacesInPlace) await createTablespacesInPlace(restore);
  await runGlobals(restore, TABLESPACES);
}

/**
 * Roles with their passwords, but for our own: it stays as it is until everything is restored, or we could not log in
 * any more.
 * @returns sets the password of the backup. Call it at the end.
 */
export async function restoreRoles(restore: ClusterRestore): Promise<() => Promise<void>> {
  await using client = await connect(restore.address, { applicationName: restore.applicationName });
  try {
    const before = await ownPassword(client);
    await runGlobals(restore, ROLES);
    const after = await ownPassword(client);
    if (after === before) return () => Promise.resolve();
    await setOwnPassword(client, before);
    return async () => {
      await using last = await connect(restore.address, { applicationName: restore.applicationName });
      await setOwnPassword(last, after);
    };
  } catch (error) {
    throw asTargetError(error, client.address);
  }
}

/** As the server keeps it: a hash, or null for none. */
async function ownPassword(client: TargetClient): Promise<string | null> {
  const sql = 'SELECT rolpassword FROM pg_authid WHERE rolname = current_user';
  const { rows } = await client.query<{ rolpassword: string | null }>(sql);
  return rows[0]?.rolpassword ?? null;
}

async function setOwnPassword(client: TargetClient, hash: string | null): Promise<void> {
  await client.query(`ALTER ROLE CURRENT_USER PASSWORD ${hash === null ? 'NULL' : client.escapeLiteral(hash)}`);
}

/**
 * One by one over a connection of ours, and never by psql: what a backup holds may be written by somebody who wants a program run here.
 * @throws HozenError ARTEFACT_CORRUPT for what pg_dumpall does not write, CONTENT_DIFFERS where the server refuses a statement, and of the TARGET_ codes
 */
async function runGlobals(restore: ClusterRestore, name: string): Promise<void> {
  const { file, address, applicationName, signal } = restore;
  const dump = await file.readFile(name);
  await using client = await connect({ ...address, database: 'postgres' }, { applicationName });
  const stop = () => void client.end().catch(() => undefined);
  signal?.addEventListener('abort', stop, { once: true });
  try {
    signal?.throwIfAborted();
    const encoding = `client_encoding=${client.escapeLiteral(encodingOf(dump))}`;
    const settings = [...SESSION_OPTIONS, 'standard_conforming_strings=on', encoding];
    await client.query(settings.map((setting) => `SET ${setting}`).join(';'));
    for (const statement of globalStatements(dump)) await runUnlessThere(client, statement);
  } catch (error) {
    signal?.throwIfAborted();
    throw asGlobalsError(error, { path: file.path, name, client });
  } finally {
    signal?.removeEventListener('abort', stop);
  }
}

async function runUnlessThere(client: TargetClient, statement: Buffer): Promise<void> {
  try {
    await runSingle(client, statement);
  } catch (error) {
    if (stateOf(error) !== EXISTS) throw error;
  }
}

function asGlobalsError(
  error: unknown,
  { path, name, client }: { path: string; name: string; client: TargetClient },
): HozenError {
  if (error instanceof RangeError) return corrupt(path, `${name}: ${error.message}`, error);
  const state = stateOf(error);
  if (state === undefined || OF_THE_SERVER.test(state)) return asTargetError(error, client.address);
  // The state alone, and no cause: the server's words may repeat a statement, which may hold a password.
  const what = `${name} cannot be restored`;
  return new HozenError('CONTENT_DIFFERS', { what }, { detail: `SQLSTATE ${state}` });
}

function stateOf(error: unknown): string | undefined {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  return /^[0-9A-Z]{5}$/.test(code) ? code : undefined;
}

/** Inside the data directory, whatever folders the original used: for servers that are thrown away. */
async function createTablespacesInPlace(restore: ClusterRestore): Promise<void> {
  const { file, address } = restore;
  const { tablespaces } = await storedCluster(file);
  if (tablespaces.length === 0) return;
  await using client = await connect(address, { applicationName: restore.applicationName });
  try {
    await client.query('SET allow_in_place_tablespaces = on');
    for (const { name, owner } of tablespaces) {
      const [quoted, role] = [client.escapeIdentifier(name), client.escapeIdentifier(owner)];
      await client.query(`CREATE TABLESPACE ${quoted} OWNER ${role} LOCATION ''`);
    }
  } catch (error) {
    throw asTargetError(error, client.address);
  }
}
