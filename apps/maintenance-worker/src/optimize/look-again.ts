import { diagnose } from '../diagnosis/diagnose.js';
import { saveStatus } from '../diagnosis/status.js';
import type { ExecutionContext, Work } from '../runs/work.js';

const MEGABYTE = 1024 * 1024;

/** The state after the work (BATCH-905 §5.2). The work is done either way: a look that fails does not undo it. */
export async function lookAgain(work: Work, { database, log }: ExecutionContext): Promise<void> {
  const { run, settings, signal } = work;
  const { thresholds, target } = settings;
  const indexMinBytes = thresholds.indexBloatMinMegabytes * MEGABYTE;
  try {
    const facts = await diagnose({ run, target, databases: run.target_databases, indexMinBytes, signal });
    await saveStatus(database.manager, run, 'after', { facts, thresholds });
  } catch (error) {
    signal.throwIfAborted();
    log.warn({ err: error }, 'the state after the maintenance could not be diagnosed');
  }
}
