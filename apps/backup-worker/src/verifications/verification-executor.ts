import { WorkLanes, workerName } from '@hozen/persistence';
import { logger } from '@hozen/telemetry';
import { claimVerification } from './claim-verification.js';
import { executeVerification, type VerificationContext } from './execute-verification.js';
import type { VerificationRow } from './verification-row.js';

const log = logger('verification-executor');

/** Proves standing backups once more, one at a time in this process, any number of processes beside it. */
export class VerificationExecutor extends WorkLanes<VerificationRow> {
  constructor(context: Omit<VerificationContext, 'shutdown' | 'log'>, lanes: number) {
    const worker = workerName();
    super({
      lanes,
      claim: () => claimVerification(context.database, worker),
      work: (row, claimedAt, shutdown) => executeVerification(row, claimedAt, { ...context, log, shutdown }),
    });
  }
}
