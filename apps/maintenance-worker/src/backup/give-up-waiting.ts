import { HozenError } from '@hozen/contracts';
import type { Outbox } from '@hozen/messaging';
import { endFailed } from '../runs/finish-run.js';
import type { RunRow } from '../store/rows.js';

/** SKIP LOCKED: an answer that is being written at this moment comes first. */
const NEXT_OVERDUE = `
  SELECT * FROM maintenance_runs
   WHERE state = 'backing_up' AND (backup_deadline <= clock_timestamp() OR cancel_requested_at IS NOT NULL)
   ORDER BY backup_deadline LIMIT 1 FOR UPDATE SKIP LOCKED`;

/**
 * Ends a run whose safety backup was not answered in time, or that was cancelled while it waited. An answer that comes
 * later finds the run over.
 * @returns whether there was one
 */
export async function giveUpWaiting(outbox: Outbox): Promise<boolean> {
  return outbox.transaction(async (tx) => {
    const [run] = await tx.manager.query<RunRow[]>(NEXT_OVERDUE);
    if (!run) return false;
    const reason = `no answer came for config "${run.backup_config}" until ${run.backup_deadline?.toISOString() ?? ''}`;
    const error = new HozenError(...cancelledOr(run, reason));
    await endFailed(tx, run, error);
    return true;
  });
}

function cancelledOr(run: RunRow, reason: string): ConstructorParameters<typeof HozenError> {
  return run.cancel_requested_at ? ['CANCELLED'] : ['MAINTENANCE_BACKUP_FAILED', { reason }];
}
