import { HozenError } from '@hozen/contracts';
import type { Outbox } from '@hozen/messaging';
import { endFailed } from '../runs/finish-run.js';
import type { RunRow } from '../store/rows.js';

/**
 * A worker at work sees the mark at its next renewal; a run that waits for its backup is ended at the next look; one that
 * waits between tries is made due, so that a worker removes what earlier tries left. Only a run that never began has
 * nobody to wait for, and ends here.
 */
const ASK_TO_CANCEL = `
  UPDATE maintenance_runs
     SET cancel_requested_at = coalesce(cancel_requested_at, clock_timestamp()),
         not_before = least(not_before, clock_timestamp())
   WHERE (id::text = $1 OR request_id = $1) AND state IN ('accepted', 'diagnosing', 'backing_up', 'optimizing')
  RETURNING *`;

/**
 * Asks for a run to end as cancelled; what is done stays done, and a safety backup under way is not stopped. A run that
 * has ended is left as it is.
 */
export async function cancelRun(outbox: Outbox, id: string): Promise<void> {
  await outbox.transaction(async (tx) => {
    const [rows] = await tx.manager.query<[RunRow[], number]>(ASK_TO_CANCEL, [id]);
    const run = rows[0];
    if (run?.state === 'accepted') await endFailed(tx, run, new HozenError('CANCELLED'));
  });
}
