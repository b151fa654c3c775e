import { hostname } from 'node:os';
import { randomUUID } from 'node:crypto';
import { WorkLanes } from '@hozen/persistence';
import { logger } from '@hozen/telemetry';
import type { RunRow } from '../store/entities.js';
import { claimRun } from './claim-run.js';
import { executeRun } from './execute-run.js';
import type { ExecutionContext } from './execution-context.js';

const log = logger('executor');

/** Runs backups: `lanes` at a time in this process, any number of processes beside it. */
export class Executor extends WorkLanes<RunRow> {
  readonly spoolRoot: string;

  constructor(context: Omit<ExecutionContext, 'shutdown' | 'log'>, lanes: number) {
    // Random, so that a worker that comes back under the same host name and pid is never taken for the one that died.
    const worker = `${hostname()}/${process.pid}/${randomUUID().slice(0, 8)}`;
    super({
      lanes,
      claim: () => claimRun(context.database, worker),
      work: (run, claimedAt, shutdown) => executeRun(run, claimedAt, { ...context, log, shutdown }),
    });
    this.spoolRoot = context.spoolRoot;
  }
}
