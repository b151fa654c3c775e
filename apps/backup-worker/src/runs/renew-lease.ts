import type { ProgressView } from '@hozen/contracts';
import type { DataSource } from 'typeorm';
import { LEASE_SECONDS } from './lease.js';

/** Longer lease and progress in one write. No row: the lease is lost and the worker must stop without a word. */
const renewalOf = (table: string) => `
  UPDATE ${table}
     SET lease_until = clock_timestamp() + make_interval(secs => ${LEASE_SECONDS}), progress = coalesce($3::jsonb, progress)
   WHERE id = $1 AND epoch = $2 AND state = 'running' AND lease_until > clock_timestamp()
  RETURNING cancel_requested_at IS NOT NULL AS cancel`;

/** Work that is done under a lease, by the table that it stands in. */
const RENEW = {
  backup_runs: renewalOf('backup_runs'),
  restores: renewalOf('restores'),
  verifications: renewalOf('verifications'),
} as const;

export interface Renewal {
  held: boolean;
  /** Somebody asked to cancel the run. */
  cancel: boolean;
}

export async function renewLease(
  database: DataSource,
  table: keyof typeof RENEW,
  run: { id: string; epoch: string },
  progress: ProgressView | undefined,
): Promise<Renewal> {
  const [rows] = await database.query<[{ cancel: boolean }[], number]>(RENEW[table], [
    run.id,
    run.epoch,
    progress === undefined ? null : JSON.stringify(progress),
  ]);
  return { held: rows.length === 1, cancel: rows[0]?.cancel ?? false };
}
