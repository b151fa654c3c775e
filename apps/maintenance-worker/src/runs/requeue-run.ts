import type { HozenError } from '@hozen/contracts';
import type { DataSource } from 'typeorm';
import type { RunRow } from '../store/rows.js';
import { lostLease } from './lost-lease.js';
import type { RetryDecision } from './retry-policy.js';

/** Given back under the fence, in the state it has: whoever claims it next goes on there. Waiting is a time in the row. */
const REQUEUE_RUN = `
  UPDATE maintenance_runs
     SET owner = NULL, lease_until = NULL, not_before = clock_timestamp() + make_interval(secs => $3),
         retries_used = retries_used || $4::jsonb, error = $5::jsonb
   WHERE id = $1 AND epoch = $2 AND state IN ('diagnosing', 'optimizing')
  RETURNING id`;

/** Puts the run back for another try. The last error stays visible on it until then. */
export async function requeueRun(
  database: DataSource,
  run: RunRow,
  error: HozenError,
  retry: RetryDecision | 'hand-back',
): Promise<void> {
  const seconds = retry === 'hand-back' ? 0 : retry.afterSeconds;
  const used = retry === 'hand-back' ? {} : { [retry.counts]: (run.retries_used[retry.counts] ?? 0) + 1 };
  const [rows] = await database.query<[unknown[], number]>(REQUEUE_RUN, [
    run.id,
    run.epoch,
    seconds,
    JSON.stringify(used),
    JSON.stringify({ code: error.code, message: error.message, hint: error.hint }),
  ]);
  if (rows.length === 0) throw lostLease();
}
