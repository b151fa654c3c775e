import type { HozenError } from '@hozen/contracts';
import type { DataSource } from 'typeorm';
import type { VerificationRow } from './verification-row.js';

const HAND_BACK = `
  UPDATE verifications SET state = 'queued', owner = NULL, lease_until = NULL, attempt = attempt - 1
   WHERE id = $1 AND epoch = $2 AND state = 'running'`;

const SUSPECT = `
  UPDATE verifications SET state = 'queued', owner = NULL, lease_until = NULL, suspicion = $3::jsonb
   WHERE id = $1 AND epoch = $2 AND state = 'running'`;

/** The next worker begins anew; nothing is held against the backup. */
export async function handBack(database: DataSource, row: VerificationRow): Promise<void> {
  await database.query(HAND_BACK, [row.id, row.epoch]);
}

/** It is looked at once more: storages and machines have bad moments of their own. */
export async function suspect(database: DataSource, row: VerificationRow, error: HozenError): Promise<void> {
  const facts = { code: error.code, message: error.message, hint: error.hint };
  await database.query(SUSPECT, [row.id, row.epoch, JSON.stringify(facts)]);
}
