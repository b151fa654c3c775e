import { HozenError } from '@hozen/contracts';
import type { DataSource } from 'typeorm';

/** Only what stands can be held: the row of an artefact that is going is locked against it by its tombstone. */
const HOLD = `
  INSERT INTO artefact_holds (run_id, reason, held_by)
  SELECT artefact.run_id, $2, $3
    FROM backup_artefacts AS artefact
   WHERE artefact.run_id = $1
     AND NOT EXISTS (SELECT FROM artefact_deletions AS deletion WHERE deletion.run_id = artefact.run_id)
  ON CONFLICT (run_id) DO UPDATE SET reason = excluded.reason, held_by = excluded.held_by, held_at = CURRENT_TIMESTAMP
  RETURNING run_id`;

/**
 * Keeps an artefact whatever the rules say, until it is released. The target's row is locked as when artefacts expire:
 * of the two, whoever comes second sees what the first has done.
 * @throws HozenError NOT_FOUND when the run has no artefact, or it is deleted
 */
export async function hold(database: DataSource, runId: string, reason: string, by: string | null): Promise<void> {
  await database.transaction(async (manager) => {
    await manager.query(
      `SELECT FROM backup_targets WHERE id = (SELECT target_id FROM backup_runs WHERE id = $1) FOR UPDATE`,
      [runId],
    );
    const held = await manager.query<unknown[]>(HOLD, [runId, reason, by]);
    if (held.length === 0) throw new HozenError('NOT_FOUND', { what: 'artefact', id: runId, list: 'runs' });
  });
}

/** Leaves the artefact to the rules again. One that nobody holds is left as it is. */
export async function release(database: DataSource, runId: string): Promise<void> {
  await database.query('DELETE FROM artefact_holds WHERE run_id = $1', [runId]);
}
