import type { BackupLevel } from '@hozen/contracts';
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
  readonly #lanes: Readonly<Record<RunKind, WorkLanes<ClaimedRun>>>;

  constructor(context: Omit<ExecutionContext, 'shutdown' | 'log'>, lanes: number) {
    const worker = workerName();
    const lanesFor = (kind: RunKind) =>
      new WorkLanes<ClaimedRun>({
        lanes,
        claim: () => claimRun(context.database, worker, kind, context.spoolRoot),
        work: (run, claimedAt, shutdown) => executeRun(run, claimedAt, { ...context, log, shutdown }),
      });
    this.#lanes = { backups: lanesFor('backups'), logs: lanesFor('logs') };
    this.spoolRoot = context.spoolRoot;
  }

  start(): void {
    for (const each of Object.values(this.#lanes)) each.start();
  }

  /** There may be a run of this level to claim. */
  wake(level: BackupLevel): void {
    this.#lanes[level === 'transaction_log' ? 'logs' : 'backups'].wake();
  }

  async stop(): Promise<void> {
    await Promise.all(Object.values(this.#lanes).map((each) => each.stop()));
  }
}
