import { claimOne } from '@hozen/persistence';
import type { DataSource } from 'typeorm';
import { claimBackup } from '../admission/claim-backup.js';
import { LEASE_SECONDS } from './lease.js';
import { STORED_PLAN, type ClaimedRun } from './load-plan.js';

/**
 * Takes the next log that may start, or that a dead worker left behind, in one statement.
 *
 * - SKIP LOCKED: any number of workers claim at once without waiting for one another.
 * - One active log a target: one whose target is busy is passed over; the unique index has the last word when two workers
 *   decide at the same moment.
 * - A run of a config starts no earlier than the second after the last one of it: the second is part of the file name.
 */
const CLAIM_LOG = `
  UPDATE backup_runs AS run
     SET state = 'running', owner = $1, epoch = nextval('fence_epoch'), attempt = run.attempt + 1, progress = NULL,
         takeovers = run.takeovers + (run.state = 'running')::integer,
         lease_until = clock_timestamp() + make_interval(secs => ${LEASE_SECONDS})
   WHERE run.id = (
     SELECT waiting.id
       FROM backup_runs AS waiting
      WHERE waiting.backup_level = 'transaction_log'
        AND ((waiting.state = 'running' AND waiting.lease_until < clock_timestamp())
         OR (waiting.state = 'queued' AND waiting.not_before <= clock_timestamp()
             AND NOT EXISTS (SELECT FROM backup_runs AS active
                              WHERE active.target_id = waiting.target_id AND active.state = 'running'
                                AND active.backup_level = 'transaction_log')
             AND NOT EXISTS (SELECT FROM backup_runs AS earlier
                              WHERE earlier.config_id = waiting.config_id AND earlier.id <> waiting.id
                                AND earlier.started_at >= date_trunc('second', clock_timestamp()))))
      ORDER BY waiting.not_before, waiting.id
      LIMIT 1
      FOR UPDATE SKIP LOCKED)
  RETURNING run.*, ${STORED_PLAN} AS plan`;

/**
 * Logs are short and due every few minutes: they do not wait for the hours that a backup may take, nor for places at a
 * storage.
 */
export type RunKind = 'backups' | 'logs';

/**
 * @param spoolRoot where scratch data goes; without it nobody asks for room
 * @returns the run, now owned by `worker`, or undefined where nothing can be started.
 */
export function claimRun(
  database: DataSource,
  worker: string,
  kind: RunKind,
  spoolRoot?: string,
): Promise<ClaimedRun | undefined> {
  return kind === 'logs'
    ? claimOne(database, { name: 'claim of a log', text: CLAIM_LOG }, worker)
    : claimBackup(database, worker, spoolRoot);
}
