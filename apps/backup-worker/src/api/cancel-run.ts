import { HozenError } from '@hozen/contracts';
import type { Outbox } from '@hozen/messaging';
import { endFailed } from '../runs/finish-run.js';
import type { RunRow } from '../store/entities.js';

/**
 * A running attempt sees the mark at its next renewal. A run that waits between tries is made due: the worker that claims
 * it removes what the earlier attempts left. Only a run that never began has nobody to wait for, and ends here.
 */
const ASK_TO_CANCEL = `
  UPDATE backup_runs
     SET cancel_requested_at = coalesce(cancel_requested_at, clock_timestamp()),
         not_before = least(not_before, clock_timestamp())
   WHERE id = $1 AND state IN ('queued', 'running')
  RETURNING *`;

/**
 * Asks for a run to end as `cancelled`. A run that has ended is left as it is.
 */
export async function cancelRun(outbox: Outbox, id: string): Promise<void> {
  await outbox.transaction(async (tx) => {
    const [rows] = await tx.manager.query<[RunRow[], number]>(ASK_TO_CANCEL, [id]);
    const run = rows[0];
    if (run?.state === 'queued' && run.attempt === 0) await endFailed(tx, run, new HozenError('CANCELLED'));
  });
}
