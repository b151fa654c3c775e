import { asHozenError, HozenError } from '@hozen/contracts';
import { HandBack, isLossOfOwnDatabase } from '@hozen/persistence';
import type { MaintenanceSettings } from '../configs/load-settings.js';
import { StepError } from '../optimize/step-error.js';
import type { RunRow } from '../store/rows.js';
import type { ExecutionContext } from './work.js';
import { finishFailed } from './finish-run.js';
import { requeueRun } from './requeue-run.js';
import { retryOf } from './retry-policy.js';

/**
 * Decides what a failure means for the run: again later, handed back, or over.
 * @throws what says nothing about the run, because our own database was away: the lease runs out instead
 */
export async function settleFailure(
  run: RunRow,
  settings: MaintenanceSettings | undefined,
  reason: unknown,
  context: ExecutionContext,
): Promise<void> {
  if (!(reason instanceof StepError) && isLossOfOwnDatabase(reason)) throw reason;
  const error = asShown(reason, run);
  if (error.code === 'LEASE_LOST') {
    context.log.warn('the lease is lost; another worker answers for this run now');
    return;
  }
  if (reason instanceof HandBack) return requeueRun(context.database, run, error, 'hand-back');
  context.log.error({ err: error, code: error.code, hint: error.hint }, 'the maintenance met an error');
  const retry = settings && retryOf(reason, run.retries_used, settings.retries);
  if (retry) return requeueRun(context.database, run, error, retry);
  await finishFailed(context.outbox, run, run.state === 'diagnosing' ? asDiagnosisFailed(error, run) : error);
}

function asShown(reason: unknown, run: RunRow): HozenError {
  if (reason instanceof HandBack) return new HozenError('ABANDONED', { attempts: 1 }, { detail: reason.message });
  if (!(reason instanceof StepError)) return asHozenError(reason);
  return new HozenError(
    'MAINTENANCE_STEP_FAILED',
    { failed: 1, steps: 1, run: run.id },
    { detail: reason.message, cause: reason },
  );
}

/** What says more about the run than that its diagnosis failed. */
const OWN_WORDS = new Set(['CANCELLED', 'TIMED_OUT', 'ABANDONED', 'MAINTENANCE_IMPOSSIBLE', 'CONFIG_INVALID']);

function asDiagnosisFailed(error: HozenError, run: RunRow): HozenError {
  if (OWN_WORDS.has(error.code)) return error;
  const detail = `${error.code}: ${error.message}`;
  return new HozenError('DIAGNOSIS_FAILED', { target: run.target_name }, { detail, cause: error });
}
