import { asHozenError, ERRORS, HozenError, RetriesSpec } from '@hozen/contracts';
import { HandBack, isLossOfOwnDatabase } from '@hozen/persistence';
import { WaitsForSpace } from '../admission/keep-space.js';
import type { BackupJob } from '../job.js';
import { readable } from '../methods/check-room.js';
import { cleanUp, discardCommitted, removeSpool } from '../storage/clean-up.js';
import { findOwnManifest } from '../storage/committed-artefact.js';
import type { RunRow } from '../store/entities.js';
import type { Attempt } from './begin-attempt.js';
import type { ExecutionContext } from './execution-context.js';
import { finishFailed } from './finish-run.js';
import type { RunPlan } from './load-plan.js';
import { renewLease } from './renew-lease.js';
import { requeueRun } from './requeue-run.js';
import { retryOf } from './retry-policy.js';

/** What is known of the attempt when it fails; the later parts may not exist yet. */
export interface FailedAttempt {
  run: RunRow;
  plan: RunPlan | undefined;
  attempt: Attempt | undefined;
  job: BackupJob | undefined;
  reason: unknown;
  /** @throws HozenError LEASE_LOST */
  ensureLease: () => void;
}

/**
 * Decides what a failed attempt means for the run: again later, handed back, or over. First everything it left is
 * removed, so that whatever comes next starts clean and nothing half-written stays visible.
 * @throws what says nothing about the run, because our own database was away: the lease runs out instead
 */
export async function settleFailure(failed: FailedAttempt, context: ExecutionContext): Promise<void> {
  const { run, attempt, job, reason } = failed;
  const error = errorOf(run, reason);
  if (error.code === 'LEASE_LOST' || !(await isStillOurs(run, context))) {
    context.log.warn({ err: error }, 'the lease is lost, or the run has ended: what it left is not ours to settle');
    if (job) await removeSpool(job);
    return;
  }
  if (isLossOfOwnDatabase(reason)) throw reason;
  context.log.error({ err: error, code: error.code, hint: error.hint }, 'the attempt failed');
  const retry =
    reason instanceof HandBack || reason instanceof WaitsForSpace
      ? reason
      : retryOf(error.code, run.retries_used, failed.plan?.config.retries ?? new RetriesSpec());
  if (job) {
    const withArtefact = retry === undefined || ERRORS[error.code] === 'verification';
    // A storage that cannot even be cleaned must not keep the run from ending: that is what people have to hear.
    await removeLeftovers(job, withArtefact, failed).catch((failure: unknown) => {
      context.log.error({ err: failure }, 'what the attempt left could not be removed');
    });
  }
  if (retry) return requeueRun(context.outbox, run, attempt, error, retry);
  await finishFailed(context.outbox, run, attempt, error);
}

/**
 * @param withArtefact also what was committed: it failed its proof, or the run is over without one. Otherwise a committed
 *   artefact stays for the next attempt, which only has to prove it.
 */
async function removeLeftovers(
  job: BackupJob,
  withArtefact: boolean,
  fence: Pick<FailedAttempt, 'ensureLease'>,
): Promise<void> {
  const manifest = withArtefact ? await findOwnManifest(job) : undefined;
  if (manifest) await discardCommitted(job, { manifest }, fence);
  await cleanUp(job);
}

/**
 * Asked of the database before anything is removed. The error may be that of a commit whose answer was lost: then the
 * run is completed, and its artefact is promised to everybody. When the database does not answer, nothing is removed.
 */
async function isStillOurs(run: RunRow, context: ExecutionContext): Promise<boolean> {
  return (await renewLease(context.database, 'backup_runs', run, undefined)).held;
}

function errorOf(run: RunRow, reason: unknown): HozenError {
  if (reason instanceof HandBack) {
    return new HozenError('ABANDONED', { attempts: run.attempt }, { detail: reason.message });
  }
  if (!(reason instanceof WaitsForSpace)) return asHozenError(reason);
  const { path, freeBytes, keptBytes, neededBytes } = reason.wait;
  const free = readable(Math.max(0, freeBytes - keptBytes));
  return new HozenError('DISK_TOO_SMALL', { path, free, needed: readable(neededBytes) }, { detail: reason.message });
}
