import { claimOne } from '@hozen/persistence';
import type { ProgressView } from '@hozen/contracts';
import type { DataSource } from 'typeorm';
import { LEASE_SECONDS } from '../runs/claim-run.js';
import type { Renewal } from '../runs/renew-lease.js';
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

const RENEW = `
  UPDATE restores
     SET lease_until = clock_timestamp() + make_interval(secs => ${LEASE_SECONDS}), progress = coalesce($3::jsonb, progress)
   WHERE id = $1 AND epoch = $2 AND state = 'running' AND lease_until > clock_timestamp()
  RETURNING cancel_requested_at IS NOT NULL AS cancel`;

export function claimRestore(database: DataSource, worker: string): Promise<RestoreRow | undefined> {
  return claimOne(database, CLAIM_RESTORE, worker);
}

export async function renewRestore(
  database: DataSource,
  row: RestoreRow,
  progress: ProgressView | undefined,
): Promise<Renewal> {
  const [rows] = await database.query<[{ cancel: boolean }[], number]>(RENEW, [
    row.id,
    row.epoch,
    progress === undefined ? null : JSON.stringify(progress),
  ]);
  return { held: rows.length === 1, cancel: rows[0]?.cancel ?? false };
}
