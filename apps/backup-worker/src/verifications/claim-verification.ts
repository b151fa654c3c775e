import { claimOne } from '@hozen/persistence';
import type { DataSource } from 'typeorm';
import { LEASE_SECONDS } from '../runs/lease.js';
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

export function claimVerification(database: DataSource, worker: string): Promise<VerificationRow | undefined> {
  return claimOne(database, { name: 'claim of a verification', text: CLAIM }, worker);
}
