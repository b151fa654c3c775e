import { claimOne } from '@hozen/persistence';
import type { DataSource } from 'typeorm';
import type { RunRow } from '../store/entities.js';

/** How long a lease lasts without being renewed, in seconds. A dead worker is noticed after this and one poll. */
export const LEASE_SECONDS = 15;

/**
 * Takes the next run that may start, or that a dead worker left behind, in one statement.
 *
 * - SKIP LOCKED: any number of workers claim at once without waiting for one another.
 * - One active run a target, and one log beside it: a run whose target is busy is passed over; the unique index has the
 *   last word when two workers decide at the same moment.
 * - A run of a config starts no earlier than the second after the last one of it: the second is part of the file name.
 * - The epoch comes from a sequence: whoever claims later has the higher one, whatever any clock says.
 */
const claimOf = (which: '=' | '<>') => `
  UPDATE backup_runs AS run
     SET state = 'running', owner = $1, epoch = nextval('fence_epoch'), attempt = run.attempt + 1, progress = NULL,
         takeovers = run.takeovers + (run.state = 'running')::integer,
         lease_until = clock_timestamp() + make_interval(secs => ${LEASE_SECONDS})
   WHERE run.id = (
     SELECT waiting.id
       FROM backup_runs AS waiting
      WHERE waiting.backup_level ${which} 'transaction_log'
        AND ((waiting.state = 'running' AND waiting.lease_until < clock_timestamp())
         OR (waiting.state = 'queued' AND waiting.not_before <= clock_timestamp()
             AND NOT EXISTS (SELECT FROM backup_runs AS active
                              WHERE active.target_id = waiting.target_id AND active.state = 'running'
                                AND active.backup_level ${which} 'transaction_log')
             AND NOT EXISTS (SELECT FROM backup_runs AS earlier
                              WHERE earlier.config_id = waiting.config_id AND earlier.id <> waiting.id
                                AND earlier.started_at >= date_trunc('second', clock_timestamp()))))
      ORDER BY waiting.not_before, waiting.id
      LIMIT 1
      FOR UPDATE SKIP LOCKED)
  RETURNING run.*`;

const CLAIM = { backups: claimOf('<>'), logs: claimOf('=') } as const;

/** Logs are short and due every few minutes: they do not wait for the hours that a backup may take. */
export type RunKind = keyof typeof CLAIM;

/** @returns the run, now owned by `worker`, or undefined where nothing can be started. */
export function claimRun(database: DataSource, worker: string, kind: RunKind): Promise<RunRow | undefined> {
  return claimOne(database, CLAIM[kind], worker);
}
