import { setTimeout as delay } from 'node:timers/promises';
import { HozenError } from '@hozen/contracts';
import type { TargetClient } from '../connection/connect.js';
import { asTargetError, targetParams } from '../connection/target-error.js';

/**
 * Sends the end to every session of the run with a lower epoch, parallel workers of a dump among them. The prefix is
 * compared as text, not as a pattern; the CASE keeps the cast away from names that are no numbers.
 */
const TERMINATE_OLDER = `
  SELECT pid, pg_terminate_backend(pid)
  FROM pg_stat_activity
  WHERE pid <> pg_backend_pid()
    AND starts_with(application_name, $1)
    AND CASE WHEN substr(application_name, length($1) + 1) ~ '^[0-9]{1,18}$'
             THEN substr(application_name, length($1) + 1)::bigint < $2::bigint
             ELSE false END`;

/**
 * Ends what an earlier owner of a run still has open on the target, and returns only when it is gone: from then on
 * nobody but the caller acts there for this run.
 *
 * @param runPrefix `hozen/<runId>`
 * @param deadlineMs milliseconds to wait, 10 s by default
 * @returns how many sessions were ended
 * @throws HozenError TARGET_LOCKED when a session does not end in time
 */
export async function terminateOlderSessions(
  client: TargetClient,
  runPrefix: string,
  epoch: number | bigint,
  { deadlineMs = 10_000 }: { deadlineMs?: number } = {},
): Promise<number> {
  const prefix = runPrefix.endsWith('/') ? runPrefix : `${runPrefix}/`;
  const deadline = performance.now() + deadlineMs;
  const seen = new Set<number>();
  for (;;) {
    const pids = await olderSessions(client, prefix, epoch);
    for (const pid of pids) seen.add(pid);
    if (pids.length === 0) return seen.size;
    if (performance.now() > deadline) {
      const detail = `sessions ${pids.join(', ')} of an earlier attempt did not end within ${deadlineMs} ms`;
      throw new HozenError('TARGET_LOCKED', targetParams(client.address), { detail });
    }
    await delay(20);
  }
}

async function olderSessions(client: TargetClient, prefix: string, epoch: number | bigint): Promise<number[]> {
  try {
    const { rows } = await client.query<{ pid: number }>(TERMINATE_OLDER, [prefix, epoch.toString()]);
    return rows.map(({ pid }) => pid);
  } catch (error) {
    throw asTargetError(error, client.address);
  }
}
