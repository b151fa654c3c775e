import { setTimeout as delay } from 'node:timers/promises';
import { HozenError } from '@hozen/contracts';
import { JobSignals, LeaseKeeper } from '@hozen/persistence';
import { failpoint, inSpan, withLogFields } from '@hozen/telemetry';
import { keepSpace } from '../admission/keep-space.js';
import type { AttemptContext, BackupJob } from '../job.js';
import type { ReadyTarget } from '../methods/method.js';
import { methodOf } from '../methods/methods.js';
import type { Governor } from '../resources/worker-resources.js';
import { artefactPaths } from '../storage/artefact-paths.js';
import { cleanUp } from '../storage/clean-up.js';
import type { CommittedArtefact } from '../storage/committed-artefact.js';
import type { RunRow } from '../store/entities.js';
import { beginAttempt, type Attempt } from './begin-attempt.js';
import { LEASE_SECONDS } from './lease.js';
import { finishCompleted } from './finish-run.js';
import type { ExecutionContext } from './execution-context.js';
import { jobOf, makeSpool } from './job-of.js';
import { lineageOf } from './lineage.js';
import { planOf, type ClaimedRun, type RunPlan } from './load-plan.js';
import { ProgressMeter } from './progress-meter.js';
import { renewLease } from './renew-lease.js';
import { RENEW_EVERY_MS } from './under-lease.js';
import { retryOf, TAKEOVERS_ALLOWED } from './retry-policy.js';
import { runBackup } from './run-backup.js';
import { settleFailure } from './settle-failure.js';
import { sizeWarning } from './size-deviation.js';
import { isInWindow } from './window.js';

/** How long an attempt is not written down while its target is looked at: most often that takes less. */
const BOOKS_WAIT_MS = 100;

/**
 * A claimed run, from the claim to its next state: completed, failed, cancelled, or queued again. What cannot be settled
 * (our own database is away) is left to the lease: it runs out, and the next owner starts from what is written down.
 * @param claimedAt `performance.now()` from before the claim was sent
 */
export async function executeRun(run: ClaimedRun, claimedAt: number, context: ExecutionContext): Promise<void> {
  const attributes = { 'hozen.run_id': run.id, 'hozen.attempt': run.attempt, 'hozen.epoch': Number(run.epoch) };
  await withLogFields({ run_id: run.id, attempt: run.attempt }, () =>
    inSpan('run backup', { attributes, parent: run.traceparent ?? undefined }, async () => {
      try {
        await executeLeased(run, claimedAt, context);
      } catch (error) {
        context.log.error({ err: error }, 'the attempt could not be settled; its lease runs out and another follows');
      }
    }),
  );
}

async function executeLeased(run: ClaimedRun, claimedAt: number, context: ExecutionContext): Promise<void> {
  const meter = new ProgressMeter();
  let signals: JobSignals | undefined;
  let plan: RunPlan | undefined;
  let attempt: Attempt | undefined;
  let job: BackupJob | undefined;
  let checking: Promise<ReadyTarget> | undefined;
  let governor: Governor | undefined;
  await using lease = LeaseKeeper.keep({
    ttlMs: LEASE_SECONDS * 1000,
    everyMs: RENEW_EVERY_MS,
    claimedAt,
    renew: async () => {
      const renewal = await renewLease(context.database, 'backup_runs', run, meter.current());
      if (renewal.cancel) signals?.cancel();
      return renewal.held;
    },
  });
  try {
    const loaded = (plan = planOf(run));
    const { timeoutMinutes } = plan.config;
    const timedOut = new HozenError('TIMED_OUT', { minutes: timeoutMinutes });
    signals = new JobSignals(lease, context.shutdown, timeoutMinutes * 60_000, timedOut);
    const jobFrom = (startedAt: Date) => jobOf(run, loaded, startedAt, context.spoolRoot);
    const limits = (governor = await context.resources.govern(
      plan.config.resources,
      `${run.id}.${run.epoch}`,
      signals.signal,
    ));
    const attemptContext: AttemptContext = {
      signal: signals.signal,
      progress: (update) => meter.update(update),
      ensureLease: () => lease.ensure(),
      log: context.log,
      lineage: lineageOf(context.database, run),
      pace: limits.pace,
      keepSpace: keepSpace(context.database, run.id, signals.signal),
    };
    const hopeless = whyHopeless(run, plan);
    // It changes nothing there but for sessions of earlier owners, so it need not wait for the books, which would take the
    // processor from it.
    const method = methodOf(plan.config.method);
    checking = hopeless
      ? Promise.reject(hopeless)
      : limits.around(() => method.check(jobFrom(new Date()), attemptContext));
    checking.catch(() => undefined);
    const pathOf = (startedAt: Date) => artefactPaths(jobFrom(startedAt)).data;
    await within(BOOKS_WAIT_MS, checking);
    attempt = await beginAttempt(context.outbox, run, pathOf, limits.use);
    job = jobFrom(attempt.startedAt);
    await makeSpool(job);
    if (hopeless) throw hopeless;
    const [begunJob, check] = [job, checking];
    const result = await limits.around(() => runBackup(begunJob, check, attemptContext));
    signals.signal.throwIfAborted();
    const { unproven } = result;
    // What stands is proven at the next try; after the last one it is kept as what it is.
    if (unproven && retryOf(unproven.code, run.retries_used, plan.config.retries)) throw unproven;
    // Before the run ends: what a process that dies here leaves is found by the next owner, which there is only until then.
    await cleanUp(job);
    await failpoint('run.before-finish');
    const { originalBytes } = result.artefact;
    const unusual = await sizeWarning(context.database, run, originalBytes, plan.config.sizeDeviationPercent);
    await finishCompleted(context.outbox, run, attempt, {
      ...result,
      warnings: unusual === undefined ? result.warnings : [unusual, ...result.warnings],
      bytesPerSecond: dumpRate(result.artefact),
      retentionDays: run.options.retentionDays ?? plan.config.retentionDays,
    });
    await failpoint('run.finished');
    await context.afterRun(run.config_id);
    context.log.info(
      { path: result.artefact.path, bytes: result.artefact.bytes },
      'the backup is completed and proven',
    );
  } catch (error) {
    const reason = signals?.reasonOr(error) ?? error;
    // Nothing that was begun on the target goes on when the failure is told, or when the next attempt begins.
    await letGo(checking);
    await settleFailure({ run, plan, attempt, job, reason, ensureLease: () => lease.ensure() }, context);
  } finally {
    await letGo(checking);
    await governor?.[Symbol.asyncDispose]();
    signals?.[Symbol.dispose]();
  }
}

/** Returns when the promise is settled, or after the time. */
async function within(milliseconds: number, promise: Promise<unknown>): Promise<void> {
  const settled = new AbortController();
  const end = () => settled.abort();
  promise.then(end, end);
  await delay(milliseconds, undefined, { signal: settled.signal }).catch(() => undefined);
}

async function letGo(checking: Promise<ReadyTarget> | undefined): Promise<void> {
  await checking?.then((target) => target[Symbol.asyncDispose]()).catch(() => undefined);
}

/** What makes an attempt pointless before it has touched the target. */
function whyHopeless(run: RunRow, plan: RunPlan): HozenError | undefined {
  if (run.cancel_requested_at) return new HozenError('CANCELLED');
  if (run.takeovers > TAKEOVERS_ALLOWED) return new HozenError('ABANDONED', { attempts: run.takeovers });
  const { window, timeZone, name } = plan.config;
  // A run that was begun in its window and lost its worker goes on: its artefact may stand there already.
  if (!window || run.options.overrideWindow || run.takeovers > 0) return undefined;
  if (isInWindow(new Date(), window, timeZone)) return undefined;
  return new HozenError('OUTSIDE_WINDOW', { config: name, window: `${window.from}–${window.to} ${timeZone}` });
}

/** Original bytes a second from the run's start to the commit, as the manifest has them. */
function dumpRate({ manifest, originalBytes }: CommittedArtefact): number {
  const milliseconds = Date.parse(manifest.committedAt) - Date.parse(manifest.startedAt);
  return milliseconds > 0 ? Math.round((originalBytes * 1000) / milliseconds) : 0;
}
