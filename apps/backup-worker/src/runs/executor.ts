import type { BackupLevel, BackupMethod } from '@hozen/contracts';
import { WorkLanes, workerName } from '@hozen/persistence';
import { logger } from '@hozen/telemetry';
import { methodOf } from '../methods/methods.js';
import { storedTarget } from '../store/stored-target.js';
import { claimRun, type RunKind } from './claim-run.js';
import { executeRun } from './execute-run.js';
import type { ExecutionContext } from './execution-context.js';
import type { ClaimedRun } from './load-plan.js';

const log = logger('executor');

/** What is known of a run before it is written down. */
export interface ExpectedRun {
  level: BackupLevel;
  method: BackupMethod;
  /** As it is stored. */
  target: unknown;
}

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
    this.#lanesOf(level).wake();
  }

  /** A run is about to be written down. Where a lane is free, what it begins with is begun. */
  expect({ level, method, target }: ExpectedRun): void {
    if (this.#lanesOf(level).hasFree) methodOf(method).expect?.(storedTarget(target));
  }

  async stop(): Promise<void> {
    await Promise.all(Object.values(this.#lanes).map((each) => each.stop()));
  }

  #lanesOf(level: BackupLevel): WorkLanes<ClaimedRun> {
    return this.#lanes[level === 'transaction_log' ? 'logs' : 'backups'];
  }
}
