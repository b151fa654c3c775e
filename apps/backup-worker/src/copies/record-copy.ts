import type { EntityManager } from 'typeorm';
import type { CopyOutcome } from '../storage/storage.js';

const INSERT = `
  INSERT INTO backup_copies (run_id, file_path, storage, state, last_error, standing_since)
  VALUES ($1, $2, $3::jsonb, $4::varchar, $5, CASE $4::varchar WHEN 'standing' THEN clock_timestamp() END)`;

/** Writes down where the second copy of an artefact stands, or is to stand. */
export async function recordCopy(manager: EntityManager, runId: string, copy: CopyOutcome): Promise<void> {
  const { path, storage, state, error } = copy;
  await manager.query(INSERT, [runId, path, JSON.stringify(storage), state, error?.message ?? null]);
}
