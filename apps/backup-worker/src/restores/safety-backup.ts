import { setTimeout as delay } from 'node:timers/promises';
import { HozenError, newEvent, type ErrorFacts, type RunState } from '@hozen/contracts';
import { traced } from '../runs/begin-attempt.js';
import { SOURCE } from '../runs/facts.js';
import type { Leased } from '../runs/under-lease.js';
import type { RestoreContext } from './restore-context.js';
import type { RestoreRow } from './restore-row.js';

const LOOK_EVERY_MS = 500;

const RUN = 'SELECT id, state, error FROM backup_runs WHERE request_id = $1';
const REJECTED = `SELECT FROM outbox WHERE subject = 'backup.rejected' AND body -> 'data' ->> 'requestId' = $1`;

/**
 * Backs up what is about to be replaced, and returns when that is proven. Asked for again after the death of a worker it is the
 * same backup.
 * @throws HozenError SAFETY_BACKUP_FAILED; the signal's reason
 */
export async function safetyBackup(
  row: RestoreRow,
  config: string,
  { database, outbox }: RestoreContext,
  { signal, progress }: Leased,
): Promise<void> {
  const { id } = row;
  const request = {
    config,
    level: 'full' as const,
    trigger: 'automatic' as const,
    overrideWindow: true,
    reason: `Before the restore ${row.id} in place.`,
    requestedBy: SOURCE,
  };
  await outbox.transaction((tx) =>
    tx.publish(newEvent('backup.requested', request, { source: SOURCE, id, ...traced() }), { once: `safety:${id}` }),
  );
  for (;;) {
    signal.throwIfAborted();
    progress({ phase: 'checking', item: config });
    const [run] = await database.query<{ id: string; state: RunState; error: ErrorFacts | null }[]>(RUN, [id]);
    if (run?.state === 'completed') return;
    if (run?.state === 'failed' || run?.state === 'cancelled') {
      const what = `run ${run.id} ${run.state}`;
      throw new HozenError('SAFETY_BACKUP_FAILED', { what }, run.error ? { detail: run.error.message } : {});
    }
    if (!run && (await database.query<unknown[]>(REJECTED, [id])).length > 0) {
      throw new HozenError('SAFETY_BACKUP_FAILED', { what: `the request for ${config} was rejected` });
    }
    await delay(LOOK_EVERY_MS, undefined, { signal }).catch(() => undefined);
  }
}
