import type { RestorePlanView } from '@hozen/contracts';
import { asTargetError, runSingle, toolEnvironment, toolOutput, type TargetClient } from '@hozen/dbms';
import type { ArtefactFile } from '../artefact/artefact-file.js';
import type { CheckedTarget } from '../methods/postgres-logical/checked-target.js';
import { storedDatabases } from '../restore/restore-plan.js';
import { roleStatements, storedRoles, type RoleStatement } from '../restore/role-statements.js';
import { eachDefinition, isOfDatabaseItself } from '../restore/stored-definitions.js';
import { runStatement } from './run-statement.js';
import type { RestoreRow, WantedDatabase } from './restore-row.js';

/** They are on every server, and cannot get another name while we are connected to them. */
const INITIAL = new Set(['postgres', 'template1']);

const NOTHING = new Set(['ENCODING', 'STDSTRINGS', 'SEARCHPATH']);

/** All databases of a backup, each under its name; what somebody has put into the initial ones goes beside them. */
export async function wholeCluster(file: ArtefactFile): Promise<WantedDatabase[]> {
  const wanted: WantedDatabase[] = [];
  for (const { name, folder } of await storedDatabases(file)) {
    if (!INITIAL.has(name)) wanted.push({ name, as: name });
    else if (await hasContent(file, folder)) wanted.push({ name, as: `${name}_restored` });
  }
  return wanted;
}

async function hasContent(file: ArtefactFile, folder: string): Promise<boolean> {
  for await (const entry of eachDefinition(file, folder)) {
    if (!NOTHING.has(entry.desc) && !isOfDatabaseItself(entry)) return true;
  }
  return false;
}

const KNOWN = 'SELECT rolname::text AS name FROM pg_roles';

/** Those that carry the mark of a restore. */
const MARKED = `
  SELECT rolname::text AS name FROM pg_roles WHERE shobj_description(oid, 'pg_authid') = $1 ORDER BY rolname`;

/**
 * What becomes of the roles of a backup: those that are missing are made, and those that are there stay as they are.
 * @throws HozenError of the artefact and of the TARGET_ and TOOL_ codes
 */
export async function planRoles(
  file: ArtefactFile,
  target: CheckedTarget,
  client: TargetClient,
): Promise<NonNullable<RestorePlanView['roles']>> {
  const stored = await storedRoles(file);
  const known = await namesOf(client, KNOWN);
  await using env = await toolEnvironment({ ...target.address, database: 'postgres' });
  const path = target.tools.path('pg_dumpall');
  const there = roleStatements(await toolOutput({ path, args: ['--roles-only', '--no-password'], env }));
  const all = stored.filter(({ kind }) => kind === 'create').flatMap(({ roles }) => roles);
  const create = all.filter((role) => !known.has(role));
  const isNew = new Set(create);
  return {
    create,
    superusers: stored.flatMap(({ kind, roles: [role = ''], sql }) =>
      kind === 'alter' && isNew.has(role) && / WITH SUPERUSER /.test(sql) ? [role] : [],
    ),
    // Our own always differs, by its password at least.
    kept: all.filter(
      (role) => role !== target.address.user && known.has(role) && saidOf(role, stored) !== saidOf(role, there),
    ),
  };
}

function saidOf(role: string, statements: readonly RoleStatement[]): string {
  const said = statements
    .filter(({ roles }) => roles.includes(role))
    .map(({ sql }) => sql.replace(/ GRANTED BY .*$/, ''));
  return JSON.stringify(said.toSorted());
}

/**
 * Makes the missing roles, all or none, and marks them: whoever takes over knows which ones to take away again.
 * @throws HozenError of the artefact, and of the TARGET_ codes
 */
export async function createRoles(client: TargetClient, row: RestoreRow, file: ArtefactFile): Promise<void> {
  const stored = await storedRoles(file);
  const known = await namesOf(client, KNOWN);
  const isNew = (role: string) => !known.has(role);
  const created = stored.filter(({ kind, roles }) => kind === 'create' && roles.every(isNew));
  if (created.length === 0) return;
  const about = stored.filter(({ kind, roles }) =>
    kind === 'grant' ? roles.some(isNew) : kind !== 'create' && kind !== 'comment' && roles.every(isNew),
  );
  const marks = created.flatMap(({ roles }) => roles.map((role) => commentOn(client, role, markOf(row))));
  await inTransaction(client, [...[...created, ...about].map(({ sql }) => sql), ...marks]);
}

/** Instead of our mark, what the backup says of each role that we made: part of the transaction that opens the databases. */
export async function unmarkRoles(client: TargetClient, row: RestoreRow, file: ArtefactFile): Promise<string[]> {
  const comments = (await storedRoles(file)).filter(({ kind }) => kind === 'comment');
  const marked = await namesOf(client, MARKED, [markOf(row)]);
  return [...marked].map(
    (role) => comments.find(({ roles }) => roles.includes(role))?.sql ?? commentOn(client, role, null),
  );
}

/** Takes away the roles that this restore made; its databases are gone by then. */
export async function dropRoles(client: TargetClient, row: RestoreRow): Promise<void> {
  const marked = [...(await namesOf(client, MARKED, [markOf(row)]))];
  if (marked.length === 0) return;
  const quoted = marked.map((role) => client.escapeIdentifier(role)).join(', ');
  await runStatement(client, `DROP ROLE ${quoted}`);
}

async function inTransaction(client: TargetClient, statements: readonly string[]): Promise<void> {
  await runStatement(client, 'BEGIN');
  try {
    // One by one: each is one statement, whatever the backup says.
    for (const sql of statements) await single(client, sql);
    await runStatement(client, 'COMMIT');
  } catch (error) {
    await client.query('ROLLBACK').catch(() => undefined);
    throw error;
  }
}

/** As a prepared statement: there can be no second one in it. */
async function single(client: TargetClient, text: string): Promise<void> {
  try {
    await runSingle(client, Buffer.from(text));
  } catch (error) {
    throw asTargetError(error, client.address);
  }
}

async function namesOf(client: TargetClient, sql: string, parameters: unknown[] = []): Promise<Set<string>> {
  const { rows } = await client.query<{ name: string }>(sql, parameters);
  return new Set(rows.map(({ name }) => name));
}

function commentOn(client: TargetClient, role: string, comment: string | null): string {
  const text = comment === null ? 'NULL' : client.escapeLiteral(comment);
  return `COMMENT ON ROLE ${client.escapeIdentifier(role)} IS ${text}`;
}

function markOf({ id }: RestoreRow): string {
  return `hozen restore ${id}`;
}
