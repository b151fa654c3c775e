import { Readable } from 'node:stream';
import { asTargetError, connect, runTool, type TargetClient } from '@hozen/dbms';
import { HozenError } from '@hozen/contracts';
import { ROLES, TABLESPACES } from '../methods/postgres-logical/dump-globals.js';
import type { ClusterRestore } from './cluster-restore.js';
import { storedCluster } from './restore-plan.js';

/** SQLSTATE duplicate_object: the role or tablespace is there already, and is altered to what the backup says. */
const EXISTS = '42710';

/** runTool keeps the end of a program's messages only; with as many as this some may be missing. */
const MESSAGES_LIMIT = 12 * 1024;

/** Tablespaces; the roles that own them are there by then. */
export async function restoreTablespaces(restore: ClusterRestore): Promise<void> {
  if (restore.tablespacesInPlace) await createTablespacesInPlace(restore);
  await runSql(restore, TABLESPACES);
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
    await runSql(restore, ROLES);
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

/** With the exact states of the errors: messages depend on the language of the server. */
async function runSql({ file, tools, env, signal }: ClusterRestore, name: string): Promise<void> {
  const { stderr } = await runTool({
    path: tools.path('psql'),
    args: ['--no-psqlrc', '--quiet', '--set=VERBOSITY=sqlstate', '--file=-'],
    env,
    stdin: Readable.from(file.read(file.stream(name))),
    stdout: 'ignore',
    ...(signal ? { signal } : {}),
    attributes: { 'hozen.stream': name },
  }).done;
  const errors = [...stderr.matchAll(/(?:ERROR|FATAL|PANIC): +(\w+)/g)].map(([, state]) => state);
  const serious = errors.filter((state) => state !== EXISTS);
  if (serious.length === 0 && stderr.length < MESSAGES_LIMIT) return;
  const exit = serious.length > 0 ? `errors in ${name}: ${serious.slice(0, 5).join(', ')}` : `too many messages`;
  throw new HozenError('TOOL_FAILED', { tool: 'psql', exit }, { detail: stderr.slice(-2000) });
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
