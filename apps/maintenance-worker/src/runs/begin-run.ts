import { newEvent } from '@hozen/contracts';
import type { Outbox } from '@hozen/messaging';
import type { MaintenanceSettings } from '../configs/load-settings.js';
import type { RunRow } from '../store/rows.js';
import { factsOf, SOURCE } from './facts.js';
import { lostLease } from './lost-lease.js';
import { traced } from './traced.js';

/** Start and deadline are set once: retries and takeovers do not buy time. */
const MARK_STARTED = `
  UPDATE maintenance_runs
     SET started_at = coalesce(started_at, clock_timestamp()),
         deadline = coalesce(deadline, clock_timestamp() + make_interval(mins => $3))
   WHERE id = $1 AND epoch = $2 AND state = 'diagnosing'
  RETURNING started_at, deadline`;

/** The work begins: start, deadline and `maintenance.started` in one transaction. At later tries it changes nothing. */
export async function beginRun(outbox: Outbox, run: RunRow, settings: MaintenanceSettings): Promise<RunRow> {
  return outbox.transaction(async (tx) => {
    const [rows] = await tx.manager.query<[{ started_at: Date; deadline: Date }[], number]>(MARK_STARTED, [
      run.id,
      run.epoch,
      settings.timeoutMinutes,
    ]);
    const begun = rows[0];
    if (!begun) throw lostLease();
    await tx.publish(
      newEvent(
        'maintenance.started',
        { ...factsOf(run), startedAt: begun.started_at.toISOString() },
        { source: SOURCE, subject: run.id, ...traced() },
      ),
      { once: `started:${run.id}` },
    );
    return { ...run, ...begun };
  });
}
