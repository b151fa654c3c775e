import { asHozenError, type TargetSpec } from '@hozen/contracts';
import type { Outbox } from '@hozen/messaging';
import { WorkLanes } from '@hozen/persistence';
import { logger } from '@hozen/telemetry';
import type { DataSource } from 'typeorm';
import { storedTarget } from '../store/stored-target.js';
import { readCounters } from './read-counters.js';
import { claimTarget, keepSample, type DueTarget } from './take-sample.js';
import { endWatch, lookAtWatches } from './watch.js';

const log = logger('performance');

const POLL_MS = 5_000;

/** Looks at servers now and then, so that it is known what is normal, and watches those that were restored, in any number of processes. */
export class PerformanceKeeper extends WorkLanes<DueTarget> {
  /** @param lanes servers at a time in this process */
  constructor(database: DataSource, outbox: Outbox, lanes: number) {
    super({
      lanes,
      pollMs: POLL_MS,
      claim: async () => {
        while (await endWatch(outbox)) log.info('the watch after a restore has ended');
        return claimTarget(database);
      },
      work: (due) => lookAt(database, outbox, due),
    });
  }
}

/** One look. A server that does not answer is not looked at: others tell of that. */
export async function lookAt(database: DataSource, outbox: Outbox, due: DueTarget): Promise<void> {
  try {
    const counters = await readCounters(storedTarget(due.spec) as TargetSpec);
    await keepSample(database, due, counters);
  } catch (thrown) {
    const { code, message } = asHozenError(thrown);
    log.warn({ target: due.name, code, error: message }, 'the performance of a server could not be looked at');
    return;
  }
  await lookAtWatches(outbox, due.id);
}
