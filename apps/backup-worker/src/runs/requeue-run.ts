import type { HozenError } from '@hozen/contracts';
import type { Outbox } from '@hozen/messaging';
import { HandBack } from '@hozen/persistence';
import { WaitsForSpace } from '../admission/keep-space.js';
import type { RunRow } from '../store/entities.js';
import type { Attempt } from './begin-attempt.js';
import { lostLease } from './lost-lease.js';
import type { RetryDecision } from './retry-policy.js';

/** Back to the queue under the fence. Waiting is a time in the row, not a sleeping process. */
const REQUEUE_RUN = `
  UPDATE backup_runs
     SET state = 'queued', lease_until = NULL, owner = NULL, progress = NULL,
         not_before = coalesce(clock_timestamp() + make_interval(secs => $3::integer), not_before),
         waits_for = $6::jsonb,
         retries_used = retries_used || $4::jsonb, error = $5::jsonb
   WHERE id = $1 AND epoch = $2 AND state = 'running'
  RETURNING id`;

const CLOSE_LOG = `
  UPDATE backup_log SET backup_status = 'failure', error_message = $2, finished_at = clock_timestamp() WHERE id = $1`;

/** Puts the run back for another try. The last error stays visible on it until then. */
export async function requeueRun(
  outbox: Outbox,
  run: RunRow,
  attempt: Attempt | undefined,
  error: HozenError,
  retry: RetryDecision | HandBack | WaitsForSpace,
): Promise<void> {
  const isWaiting = retry instanceof WaitsForSpace;
  const isUncounted = isWaiting || retry instanceof HandBack;
  // Who waits for room keeps the place in the queue.
  const seconds = isWaiting ? null : isUncounted ? 0 : retry.afterSeconds;
  const used = isUncounted ? {} : { [retry.counts]: (run.retries_used[retry.counts] ?? 0) + 1 };
  await outbox.transaction(async (tx) => {
    const [rows] = await tx.manager.query<[unknown[], number]>(REQUEUE_RUN, [
      run.id,
      run.epoch,
      seconds,
      JSON.stringify(used),
      JSON.stringify({ code: error.code, message: error.message, hint: error.hint }),
      isWaiting ? JSON.stringify({ kind: 'space', ...retry.wait }) : null,
    ]);
    if (rows.length === 0) throw lostLease();
    if (attempt) await tx.manager.query(CLOSE_LOG, [attempt.logId, `${error.code}: ${error.message}`]);
  });
}
