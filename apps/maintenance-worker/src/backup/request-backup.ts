import { newEvent } from '@hozen/contracts';
import type { Transaction } from '@hozen/messaging';
import type { MaintenanceSettings } from '../configs/load-settings.js';
import { SOURCE } from '../runs/facts.js';
import { lostLease } from '../runs/lost-lease.js';
import { traced } from '../runs/traced.js';
import type { RunRow } from '../store/rows.js';

/** From here the run is nobody's: an event or the deadline moves it on. */
const AWAIT_BACKUP = `
  UPDATE maintenance_runs
     SET state = 'backing_up', owner = NULL, lease_until = NULL, takeovers = 0, error = NULL,
         backup_requested_at = clock_timestamp(),
         backup_deadline = least(deadline, clock_timestamp() + make_interval(mins => $3))
   WHERE id = $1 AND epoch = $2 AND state = 'diagnosing'
  RETURNING id`;

/**
 * Asks for the safety backup and begins to wait for it, in the caller's transaction. The event's id comes from the run:
 * it cannot be asked for twice.
 */
export async function requestBackup(tx: Transaction, run: RunRow, settings: MaintenanceSettings): Promise<void> {
  const [rows] = await tx.manager.query<[unknown[], number]>(AWAIT_BACKUP, [
    run.id,
    run.epoch,
    settings.backupWaitMinutes,
  ]);
  if (rows.length === 0) throw lostLease();
  await tx.publish(
    newEvent(
      'backup.requested',
      {
        config: run.backup_config,
        reason: `safety backup before maintenance ${run.id}`,
        requestedBy: 'maintenance-worker',
        overrideWindow: true,
      },
      { source: SOURCE, subject: run.id, id: run.backup_request_id, ...traced() },
    ),
    { once: `safety-backup:${run.id}` },
  );
}
