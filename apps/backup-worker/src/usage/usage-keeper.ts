import { asHozenError } from '@hozen/contracts';
import type { Outbox } from '@hozen/messaging';
import { WorkLanes } from '@hozen/persistence';
import { logger } from '@hozen/telemetry';
import type { DataSource } from 'typeorm';
import { claimPlace, lookSoon, type DuePlace } from './claim-place.js';
import { measureStorage } from './measure-storage.js';
import { recordFailure, recordUsage } from './record-usage.js';

const log = logger('usage');

const POLL_MS = 5_000;

/** Looks how full storages are, every few minutes and after each run, each by one of any number of processes. */
export class UsageKeeper extends WorkLanes<DuePlace> {
  /** @param lanes storages at a time in this process */
  constructor(
    private readonly database: DataSource,
    outbox: Outbox,
    lanes: number,
  ) {
    super({
      lanes,
      pollMs: POLL_MS,
      claim: () => claimPlace(database),
      work: (due) => lookAt(database, outbox, due),
    });
  }

  /** After a run of a config. A failure is not the run's: it is looked at in a few minutes anyway. */
  async afterRun(configId: string | null): Promise<void> {
    if (configId === null) return;
    try {
      await lookSoon(this.database, configId);
      this.wake();
    } catch (error) {
      log.warn({ err: error }, 'it is looked later how full the storages are');
    }
  }
}

/** One look. What cannot be looked at is written down, and looked at again. */
export async function lookAt(database: DataSource, outbox: Outbox, due: DuePlace): Promise<void> {
  try {
    await recordUsage(outbox, due, await measureStorage(due.specs));
  } catch (thrown) {
    const { code, message, detail } = asHozenError(thrown);
    log.warn({ storage: due.place, code, error: message, detail }, 'it could not be looked how full a storage is');
    await recordFailure(database, due, message);
  }
}
