import { WorkLanes, workerName } from '@hozen/persistence';
import { logger } from '@hozen/telemetry';
import { claimRun, type RunKind } from './claim-run.js';
import { executeRun } from './execute-run.js';
import type { ExecutionContext } from './execution-context.js';
import type { ClaimedRun } from './load-plan.js';

const log = logger('executor');

/** Runs backups: `lanes` at a time in this process and as many logs, any number of processes beside it. */
export class Executor {
  readonly spoolRoot: string;
  readonly #lanes: readonly WorkLanes<ClaimedRun>[];

  constructor(context: Omit<ExecutionContext, 'shutdown' | 'log'>, lanes: number) {
    const worker = workerName();
    const lanesFor = (kind: RunKind) =>
      new WorkLanes<ClaimedRun>({
        lanes,
        claim: () => claimRun(context.database, worker, kind, context.spoolRoot),
        work: (run, claimedAt, shutdown) => executeRun(run, claimedAt, { ...context, log, shutdown }),
      });
    this.#lanes = [lanesFor('backups'), lanesFor('logs')];
    this.spoolRoot = context.spoolRoot;
  }

  start(): void {
    for (const each of this.#lanes) each.start();
  }

  /** There may be something to claim. */
  wake(): void {
    for (const each of this.#lanes) each.wake();
  }

  async stop(): Promise<void> {
    await Promise.all(this.#lanes.map((each) => each.stop()));
  }
}
