import { asHozenError, HozenError } from '@hozen/contracts';
import { failpoint, inSpan } from '@hozen/telemetry';
import type { ExecutionContext, Work } from '../runs/work.js';
import { retryOf } from '../runs/retry-policy.js';
import type { RebuildMarks, StepRow } from '../store/rows.js';
import { dropLeftovers } from './drop-leftovers.js';
import { lookAgain } from './look-again.js';
import { rebuildIndex } from './rebuild-index.js';
import { runWatched } from './run-watched.js';
import { Skipped, StepError } from './step-error.js';
import { beginStep, endStep, faultsOf, forgetMarks, markedSteps, markStep, unfinishedSteps } from './steps.js';
import { WorkSession } from './work-session.js';

/**
 * Carries out what is planned and not yet done, database by database. Each step is written down before it begins and
 * may be made again from its beginning, so that any worker can go on where another died.
 * @throws HozenError MAINTENANCE_STEP_FAILED when all was tried and not all succeeded
 */
export async function optimize(work: Work, context: ExecutionContext): Promise<void> {
  const steps = await unfinishedSteps(context.database, work.run);
  for (const database of new Set(steps.map((step) => step.database_name))) {
    await using session = await WorkSession.open(work, database);
    await cleanUp(session, database, work, context);
    for (const step of steps.filter((each) => each.database_name === database)) {
      await carryOut(session, step, work, context);
    }
  }
  await lookAgain(work, context);
  const { steps: all, failed, faults } = await faultsOf(context.database, work.run);
  if (failed === 0) return;
  const detail = (faults ?? []).join('; ');
  throw new HozenError('MAINTENANCE_STEP_FAILED', { failed, steps: all, run: work.run.id }, { detail });
}

/** First what our interrupted rebuilds left here, in this run or in one that ended while the target was away. */
async function cleanUp(session: WorkSession, database: string, work: Work, context: ExecutionContext): Promise<void> {
  for (const step of await markedSteps(context.database, work.run, database)) {
    work.ensureLease();
    const dropped = await dropLeftovers(session, step, step.marks, work.signal);
    if (dropped.length > 0) context.log.info({ dropped, database }, 'dropped what an interrupted rebuild had left');
    await forgetMarks(context.database, step);
  }
}

async function carryOut(session: WorkSession, step: StepRow, work: Work, context: ExecutionContext): Promise<void> {
  const { database, log } = context;
  const { run } = work;
  work.signal.throwIfAborted();
  work.ensureLease();
  await beginStep(database, run, step);
  await failpoint('maintenance.step-started');
  const attributes = { 'db.namespace': step.database_name, 'db.query.text': step.statement };
  try {
    const outcome = await inSpan(`maintenance ${step.kind}`, { attributes }, () =>
      perform(session, step, work, context),
    );
    await failpoint('maintenance.step-performed');
    await endStep(database, run, step, 'done', outcome);
  } catch (error) {
    if (error instanceof Skipped) return endStep(database, run, step, 'skipped', error.message);
    if (!(error instanceof StepError) || retryOf(error, run.retries_used, work.settings.retries)) throw error;
    log.warn({ step: step.step, statement: step.statement, error: error.message }, 'a step failed; the others go on');
    await endStep(database, run, step, 'failed', error.message);
  }
}

async function perform(session: WorkSession, step: StepRow, work: Work, context: ExecutionContext): Promise<string> {
  if (step.kind !== 'reindex') {
    await runWatched(session, step.statement, work.signal).catch(passOverMissing);
    return step.kind === 'vacuum' ? 'vacuumed and analysed' : 'analysed';
  }
  let marks: RebuildMarks | undefined;
  const mark = async (found: RebuildMarks) => {
    await markStep(context.database, work.run, step, found);
    marks = found;
  };
  try {
    return await rebuildIndex(session, step, mark, work.signal);
  } catch (error) {
    if (marks && asHozenError(error).code !== 'LEASE_LOST') await tidyUp(session, step, marks, context);
    return passOverMissing(error);
  }
}

/** How long the removal of a failed rebuild's copy may take; what cannot be removed now is at the next attempt or run. */
const TIDY_UP_MS = 10_000;

async function tidyUp(
  session: WorkSession,
  step: StepRow,
  marks: RebuildMarks,
  context: ExecutionContext,
): Promise<void> {
  try {
    await dropLeftovers(session, step, marks, AbortSignal.timeout(TIDY_UP_MS));
  } catch (error) {
    context.log.warn({ err: error, index: step.object_name }, 'what a failed rebuild left could not be dropped yet');
  }
}

const GONE = ['42P01', '42704', '3F000'];

/** A table or index that was dropped since the diagnosis needs no maintenance. */
function passOverMissing(error: unknown): never {
  const gone = error instanceof StepError && GONE.some((state) => error.message.includes(`SQLSTATE ${state}`));
  throw gone ? new Skipped('it is not there any more') : error;
}
