import { HozenError } from '@hozen/contracts';
import { JobSignals, LeaseKeeper } from '@hozen/persistence';
import { failpoint, inSpan, withLogFields } from '@hozen/telemetry';
import { loadSettings, type MaintenanceSettings } from '../configs/load-settings.js';
import { diagnoseAndPlan } from '../diagnosis/diagnose-and-plan.js';
import { optimize } from '../optimize/optimize.js';
import type { RunRow } from '../store/rows.js';
import { beginRun } from './begin-run.js';
import { LEASE_SECONDS } from './claim-run.js';
import { finishCompleted } from './finish-run.js';
import { remainingMs } from './remaining-time.js';
import { renewLease } from './renew-lease.js';
import { TAKEOVERS_ALLOWED } from './retry-policy.js';
import { settleFailure } from './settle-failure.js';
import type { ExecutionContext, Work } from './work.js';

const RENEW_EVERY_MS = 3_000;

/**
 * A claimed run, from the claim to where it waits or ends. What cannot be settled (our own database is away) is left to
 * the lease: it runs out, and the next owner goes on from what is written down.
 * @param claimedAt `performance.now()` from before the claim was sent
 */
export async function executeRun(run: RunRow, claimedAt: number, context: ExecutionContext): Promise<void> {
  const attributes = { 'hozen.run_id': run.id, 'hozen.epoch': Number(run.epoch), 'hozen.state': run.state };
  await withLogFields({ run_id: run.id }, () =>
    inSpan(`maintenance ${run.state}`, { attributes, parent: run.traceparent ?? undefined }, async () => {
      try {
        await executeLeased(run, claimedAt, context);
      } catch (error) {
        context.log.error(
          { err: error },
          'the run could not be settled; its lease runs out and another goes on with it',
        );
      }
    }),
  );
}

async function executeLeased(claimed: RunRow, claimedAt: number, context: ExecutionContext): Promise<void> {
  let run = claimed;
  let signals: JobSignals | undefined;
  let settings: MaintenanceSettings | undefined;
  await using lease = LeaseKeeper.keep({
    ttlMs: LEASE_SECONDS * 1000,
    everyMs: RENEW_EVERY_MS,
    claimedAt,
    renew: async () => {
      const renewal = await renewLease(context.database, run);
      if (renewal.cancel) signals?.cancel();
      return renewal.held;
    },
  });
  try {
    settings = await loadSettings(context.database, run);
    refuseHopeless(run);
    if (run.state === 'diagnosing') run = await beginRun(context.outbox, run, settings);
    await failpoint(`maintenance.${run.state}`);
    const timedOut = new HozenError('TIMED_OUT', { minutes: settings.timeoutMinutes });
    signals = new JobSignals(lease, context.shutdown, await remainingMs(context.database, run), timedOut);
    const work: Work = { run, settings, signal: signals.signal, ensureLease: () => lease.ensure() };
    if (run.state === 'diagnosing') await diagnoseAndPlan(work, context);
    else await optimizeToTheEnd(work, context);
  } catch (error) {
    await settleFailure(run, settings, signals?.reasonOr(error) ?? error, context);
  } finally {
    signals?.[Symbol.dispose]();
  }
}

async function optimizeToTheEnd(work: Work, context: ExecutionContext): Promise<void> {
  await optimize(work, context);
  work.signal.throwIfAborted();
  await failpoint('maintenance.before-finish');
  await finishCompleted(context.outbox, work.run);
  await failpoint('maintenance.finished');
  context.log.info('the maintenance is completed');
}

/** What makes going on pointless before the target has been touched. */
function refuseHopeless(run: RunRow): void {
  if (run.cancel_requested_at) throw new HozenError('CANCELLED');
  if (run.takeovers > TAKEOVERS_ALLOWED) throw new HozenError('ABANDONED', { attempts: run.takeovers });
}
