import { claimOne } from '@hozen/persistence';
import type { DataSource } from 'typeorm';
import { LEASE_SECONDS } from '../runs/lease.js';
import type { RestoreRow } from './restore-row.js';

/** Takes the next restore that may start, or that a dead worker left behind; see claim-run.ts. */
const CLAIM_RESTORE = `
  UPDATE restores AS restore
     SET state = 'running', owner = $1, epoch = nextval('fence_epoch'), attempt = restore.attempt + 1, progress = NULL,
         started_at = coalesce(restore.started_at, clock_timestamp()),
         lease_until = clock_timestamp() + make_interval(secs => ${LEASE_SECONDS})
   WHERE restore.id = (
     SELECT waiting.id
       FROM restores AS waiting
      WHERE (waiting.state = 'running' AND waiting.lease_until < clock_timestamp())
         OR (waiting.state = 'queued'
             AND (NOT waiting.in_place OR waiting.approval IS NOT NULL OR waiting.approval_until < clock_timestamp())
             AND NOT EXISTS (SELECT FROM restores AS active
                              WHERE active.state = 'running'
                                AND (active.target_id = waiting.target_id OR active.directory = waiting.directory)))
      ORDER BY waiting.queued_at, waiting.id
      LIMIT 1
      FOR UPDATE SKIP LOCKED)
  RETURNING restore.*`;

export function claimRestore(database: DataSource, worker: string): Promise<RestoreRow | undefined> {
  return claimOne(database, { name: 'claim of a restore', text: CLAIM_RESTORE }, worker);
}
