import { HozenError } from '@hozen/contracts';
import { failpoint } from '@hozen/telemetry';
import { goOnOrFail } from '../backup/settle-answer.js';
import { requestBackup } from '../backup/request-backup.js';
import type { ExecutionContext, Work } from '../runs/work.js';
import { replaceSteps } from '../optimize/steps.js';
import { diagnose } from './diagnose.js';
import { planOf } from './plan.js';
import { saveStatus } from './status.js';

const MEGABYTE = 1024 * 1024;

/**
 * Looks at the target, decides what to do, and asks for the safety backup: diagnosis, steps, `backup.requested` and the
 * state of waiting are written in one transaction, so that a crash before it has changed nothing and one after it
 * nothing to repeat.
 * @throws HozenError MAINTENANCE_IMPOSSIBLE when what was asked for cannot be done; the diagnosis is kept
 */
export async function diagnoseAndPlan(work: Work, { database, outbox, log }: ExecutionContext): Promise<void> {
  const { run, settings } = work;
  const { thresholds } = settings;
  const databases = run.target_databases;
  const indexMinBytes = thresholds.indexBloatMinMegabytes * MEGABYTE;
  const facts = await diagnose({ run, target: settings.target, databases, indexMinBytes, signal: work.signal });
  const plan = planOf(facts, databases, thresholds);
  if (plan.obstacles.length > 0) {
    work.ensureLease();
    await saveStatus(database.manager, run, 'before', { facts, thresholds, plan });
    const detail = plan.obstacles.join('; ');
    throw new HozenError('MAINTENANCE_IMPOSSIBLE', { target: run.target_name }, { detail });
  }
  await failpoint('maintenance.diagnosed');
  work.signal.throwIfAborted();
  await outbox.transaction(async (tx) => {
    await saveStatus(tx.manager, run, 'before', { facts, thresholds, plan });
    await replaceSteps(tx.manager, run, plan.steps);
    await requestBackup(tx, run, settings);
    await goOnOrFail(tx, run.id);
  });
  log.info({ steps: plan.steps.length }, 'the target is diagnosed; the safety backup is asked for');
  await failpoint('maintenance.backup-requested');
}
