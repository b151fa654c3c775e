import { queryPrepared, type PreparedStatement } from '@hozen/persistence';
import type { EntityManager } from 'typeorm';
import type { SpaceNeed } from './file-systems.js';

/** Why a run waits for room: others have it, who are at work or were there before. */
export interface SpaceWait {
  path: string;
  neededBytes: number;
  freeBytes: number;
  /** Of the free ones, kept for others. */
  keptBytes: number;
}

/** One decision at a time, by whichever worker: two that look at the same moment would both find the last place free. */
export const ADMISSION_LOCK = `SELECT pg_advisory_xact_lock(hashtext('hozen admission'))`;

/**
 * All in one round trip, since every start waits for it. $1: the run; $2: what it needs, as JSON.
 *
 * - What ended, or is not needed any more, is forgotten. Nothing is written where it stands there already: who waits asks
 *   again and again.
 * - Kept for others is what those at work have, and those that wait for room since before. So a large run is not passed by
 *   small ones for ever.
 */
const ASK: PreparedStatement = {
  name: 'room for a backup',
  text: `
  WITH needs AS (
    SELECT * FROM jsonb_to_recordset($2::jsonb)
             AS need ("fileSystem" text, path text, bytes bigint, "freeBytes" double precision)
  ), forgotten AS (
    DELETE FROM space_claims AS claim USING backup_runs AS run
     WHERE run.id = claim.run_id
       AND ((run.id = $1 AND claim.file_system NOT IN (SELECT "fileSystem" FROM needs))
            OR run.state NOT IN ('queued', 'running'))
  ), claimed AS (
    INSERT INTO space_claims (run_id, file_system, path, bytes)
    SELECT $1::uuid, "fileSystem", path, bytes FROM needs
     WHERE NOT EXISTS (SELECT FROM space_claims AS claim
                        WHERE claim.run_id = $1 AND claim.file_system = needs."fileSystem"
                          AND claim.path = needs.path AND claim.bytes = needs.bytes)
    ON CONFLICT (run_id, file_system) DO UPDATE SET path = EXCLUDED.path, bytes = EXCLUDED.bytes
  )
  SELECT needs.path, needs.bytes::float8 AS "neededBytes", needs."freeBytes", kept.bytes AS "keptBytes"
    FROM needs CROSS JOIN LATERAL (
      SELECT coalesce(sum(claim.bytes), 0)::float8 AS bytes
        FROM space_claims AS claim
        JOIN backup_runs AS other ON other.id = claim.run_id, backup_runs AS mine
       WHERE mine.id = $1 AND other.id <> mine.id AND claim.file_system = needs."fileSystem"
         AND (other.state = 'running'
              OR (other.state = 'queued' AND other.waits_for IS NOT NULL AND other.not_before <= clock_timestamp()
                  AND (other.not_before, other.id) < (mine.not_before, mine.id)))) AS kept`,
};

/**
 * Keeps room for a run, or remembers that it wants it. To be called under {@link ADMISSION_LOCK}.
 * @returns what it has to wait for. Where nobody else is in the way, there is nothing to wait for, whether there is room or not
 */
export async function askForSpace(
  manager: EntityManager,
  runId: string,
  needs: readonly SpaceNeed[],
): Promise<SpaceWait | undefined> {
  const asked = needs.map((need) => ({ ...need, bytes: Math.ceil(need.bytes) }));
  const found = await queryPrepared<SpaceWait>(manager, ASK, [runId, JSON.stringify(asked)]);
  return found.find(({ neededBytes, freeBytes, keptBytes }) => keptBytes > 0 && freeBytes - keptBytes < neededBytes);
}
