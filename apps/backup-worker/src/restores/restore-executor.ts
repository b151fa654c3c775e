import { WorkLanes, workerName } from '@hozen/persistence';
import { logger } from '@hozen/telemetry';
import { claimRestore } from './claim-restore.js';
import { executeRestore } from './execute-restore.js';
import type { RestoreContext } from './restore-context.js';
import type { RestoreRow } from './restore-row.js';

const log = logger('restore-executor');

/** Runs restores, one at a time in this process, any number of processes beside it. */
export class RestoreExecutor extends WorkLanes<RestoreRow> {
  readonly restoreFolders: readonly string[];
  readonly spoolRoot: string;

  constructor(context: Omit<RestoreContext, 'shutdown' | 'log'>, lanes: number) {
    const worker = workerName();
    super({
      lanes,
      claim: () => claimRestore(context.database, worker),
      work: (row, claimedAt, shutdown) => executeRestore(row, claimedAt, { ...context, log, shutdown }),
    });
    this.restoreFolders = context.restoreFolders;
    this.spoolRoot = context.spoolRoot;
  }
}
