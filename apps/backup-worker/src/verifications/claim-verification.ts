import type { ProgressView } from '@hozen/contracts';
import { claimOne } from '@hozen/persistence';
import type { DataSource } from 'typeorm';
import { LEASE_SECONDS } from '../runs/claim-run.js';
import type { Renewal } from '../runs/renew-lease.js';
import type { VerificationRow } from './verification-row.js';

/** Takes the next one that waits, or that a dead worker left behind; see claim-run.ts. */
const CLAIM = `
  UPDATE verifications AS verification
     SET state = 'running', owner = $1, epoch = nextval('fence_epoch'), attempt = verification.attempt + 1, progress = NULL,
         started_at = coalesce(verification.started_at, clock_timestamp()),
         lease_until = clock_timestamp() + make_interval(secs => ${LEASE_SECONDS})
   WHERE verification.id = (
     SELECT waiting.id FROM verifications AS waiting
      WHERE waiting.state = 'queued' OR (waiting.state = 'running' AND waiting.lease_until < clock_timestamp())
      ORDER BY waiting.queued_at, waiting.id
      LIMIT 1
      FOR UPDATE SKIP LOCKED)
  RETURNING verification.*`;

const RENEW = `
  UPDATE verifications
     SET lease_until = clock_timestamp() + make_interval(secs => ${LEASE_SECONDS}), progress = coalesce($3::jsonb, progress)
   WHERE id = $1 AND epoch = $2 AND state = 'running' AND lease_until > clock_timestamp()
  RETURNING cancel_requested_at IS NOT NULL AS cancel`;

export function claimVerification(database: DataSource, worker: string): Promise<VerificationRow | undefined> {
  return claimOne(database, CLAIM, worker);
}

export async function renewVerification(
  database: DataSource,
  row: VerificationRow,
  progress: ProgressView | undefined,
): Promise<Renewal> {
  const [rows] = await database.query<[{ cancel: boolean }[], number]>(RENEW, [
    row.id,
    row.epoch,
    progress === undefined ? null : JSON.stringify(progress),
  ]);
  return { held: rows.length === 1, cancel: rows[0]?.cancel ?? false };
}
