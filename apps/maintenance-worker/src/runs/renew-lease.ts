import type { DataSource } from 'typeorm';
import { LEASE_SECONDS } from './claim-run.js';

/** No row: the lease is lost and the worker must stop without a word. */
const RENEW_LEASE = `
  UPDATE maintenance_runs SET lease_until = clock_timestamp() + make_interval(secs => ${LEASE_SECONDS})
   WHERE id = $1 AND epoch = $2 AND state IN ('diagnosing', 'optimizing') AND lease_until > clock_timestamp()
  RETURNING cancel_requested_at IS NOT NULL AS cancel`;

export interface Renewal {
  held: boolean;
  /** Somebody asked to cancel the run. */
  cancel: boolean;
}

export async function renewLease(database: DataSource, run: { id: string; epoch: string }): Promise<Renewal> {
  const [rows] = await database.query<[{ cancel: boolean }[], number]>(RENEW_LEASE, [run.id, run.epoch]);
  return { held: rows.length === 1, cancel: rows[0]?.cancel ?? false };
}
