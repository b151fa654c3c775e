import { claimOne } from '@hozen/persistence';
import type { DataSource } from 'typeorm';
import type { RunRow } from '../store/rows.js';

/** How long a lease lasts without being renewed, in seconds. A dead worker is noticed after this and one poll. */
export const LEASE_SECONDS = 15;

/**
 * Takes the next run that may begin or go on, or that a dead worker left behind, in one statement.
 *
 * - SKIP LOCKED: any number of workers claim at once without waiting for one another.
 * - One active run a target: an accepted run whose target is busy is passed over; the unique index has the last word
 *   when two workers decide at the same moment.
 * - A run that waits for its safety backup is nobody's: an event or its deadline moves it on.
 * - The epoch comes from a sequence: whoever claims later has the higher one, whatever any clock says.
 */
const CLAIM_RUN = `
  UPDATE maintenance_runs AS run
     SET state = CASE run.state WHEN 'accepted' THEN 'diagnosing' ELSE run.state END,
         owner = $1, epoch = nextval('fence_epoch'),
         takeovers = run.takeovers + (run.lease_until IS NOT NULL)::integer,
         lease_until = clock_timestamp() + make_interval(secs => ${LEASE_SECONDS})
   WHERE run.id = (
     SELECT waiting.id
       FROM maintenance_runs AS waiting
      WHERE (waiting.state IN ('diagnosing', 'optimizing')
             AND coalesce(waiting.lease_until, waiting.not_before) <= clock_timestamp())
         OR (waiting.state = 'accepted' AND waiting.not_before <= clock_timestamp()
             AND NOT EXISTS (SELECT FROM maintenance_runs AS active
                              WHERE active.target_id = waiting.target_id
                                AND active.state IN ('diagnosing', 'backing_up', 'optimizing')))
      ORDER BY waiting.not_before, waiting.id
      LIMIT 1
      FOR UPDATE SKIP LOCKED)
  RETURNING run.*`;

/** @returns the run, now owned by `worker`, or undefined where nothing can be started. */
export function claimRun(database: DataSource, worker: string): Promise<RunRow | undefined> {
  return claimOne(database, { name: 'claim of a run', text: CLAIM_RUN }, worker);
}
