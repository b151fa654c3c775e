import type { Outbox } from '@hozen/messaging';
import { WorkLanes, workerName } from '@hozen/persistence';
import { logger } from '@hozen/telemetry';
import type { DataSource } from 'typeorm';
import { giveUpWaiting } from '../backup/give-up-waiting.js';
import type { RunRow } from '../store/rows.js';
import { claimRun } from './claim-run.js';
import { executeRun } from './execute-run.js';

const log = logger('executor');

/** Carries out maintenance runs: some at a time in this process, any number of processes beside it. */
export class Executor {
  /** Random, so that a worker that comes back under the same host name and pid is never taken for the one that died. */
  readonly worker = workerName();
  private readonly lanes: WorkLanes<RunRow>;

  constructor(database: DataSource, outbox: Outbox, lanes: number) {
    this.lanes = new WorkLanes({
      lanes,
      claim: async () => {
        await giveUpWaiting(outbox);
        return claimRun(database, this.worker);
      },
      work: (run, claimedAt, shutdown) => executeRun(run, claimedAt, { database, outbox, log, shutdown }),
    });
  }

  start(): void {
    this.lanes.start();
  }

  /** Looks for work now instead of at the next poll. */
  wake(): void {
    this.lanes.wake();
  }

  /** Stops claiming and hands running work back; resolves when all lanes are empty. */
  async stop(): Promise<void> {
    await this.lanes.stop();
  }
}
