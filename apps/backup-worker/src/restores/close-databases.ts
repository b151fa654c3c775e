import { HozenError } from '@hozen/contracts';
import type { TargetClient } from '@hozen/dbms';
import { runStatement } from './run-statement.js';
import type { RestoreContext } from './restore-context.js';
import type { ClosedDatabase, RestoreRow } from './restore-row.js';

const LIMITS = `SELECT datname::text AS name, datconnlimit AS "limit" FROM pg_database WHERE datname = ANY ($1)`;

/** What a worker before this one wrote down is how it was. */
const REMEMBER = `
  UPDATE restores SET closed = coalesce(closed, $3::jsonb)
   WHERE id = $1 AND epoch = $2 AND state = 'running'
  RETURNING closed`;

const FORGET = `UPDATE restores SET closed = NULL WHERE id = $1 AND epoch = $2`;

const END_SESSIONS = `
  SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = ANY ($1) AND pid <> pg_backend_pid()`;

/**
 * Lets no application into the databases any more and ends the sessions that they have. Superusers still come in, we among them.
 * @returns how they were before @throws HozenError LEASE_LOST, of the TARGET_ codes
 */
export async function closeDatabases(
  client: TargetClient,
  row: RestoreRow,
  names: readonly string[],
  { database }: RestoreContext,
): Promise<ClosedDatabase[]> {
  const { rows: found } = await client.query<ClosedDatabase>(LIMITS, [names]);
  const [remembered] = await database.query<[{ closed: ClosedDatabase[] }[], number]>(REMEMBER, [
    row.id,
    row.epoch,
    JSON.stringify(found),
  ]);
  const closed = remembered[0]?.closed;
  if (!closed) throw new HozenError('LEASE_LOST');
  for (const { name } of closed) await runStatement(client, limitStatement(client, name, 0));
  await endSessions(client, names);
  return closed;
}

export async function endSessions(client: TargetClient, names: readonly string[]): Promise<void> {
  await client.query(END_SESSIONS, [names]);
}

/** Lets everybody in again who was let in before. */
export async function reopenDatabases(
  client: TargetClient,
  row: RestoreRow,
  { database }: RestoreContext,
): Promise<void> {
  const [found] = await database.query<{ closed: ClosedDatabase[] | null }[]>(
    'SELECT closed FROM restores WHERE id = $1',
    [row.id],
  );
  const closed = found?.closed ?? [];
  const { rows } = await client.query<ClosedDatabase>(LIMITS, [closed.map(({ name }) => name)]);
  const there = new Set(rows.map(({ name }) => name));
  for (const { name, limit } of closed) {
    if (there.has(name)) await runStatement(client, limitStatement(client, name, limit));
  }
  await database.query(FORGET, [row.id, row.epoch]);
}

export function limitStatement(client: TargetClient, name: string, limit: number): string {
  return `ALTER DATABASE ${client.escapeIdentifier(name)} CONNECTION LIMIT ${limit}`;
}
