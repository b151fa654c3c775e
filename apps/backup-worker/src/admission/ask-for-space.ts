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
 * What is kept for others: for those at work, and for those that wait for room since before. So a large run is not
 * passed by small ones for ever.
 */
const KEPT = `
  SELECT coalesce(sum(claim.bytes), 0)::float8 AS bytes
    FROM space_claims AS claim
    JOIN backup_runs AS other ON other.id = claim.run_id, backup_runs AS mine
   WHERE mine.id = $2 AND other.id <> mine.id AND claim.file_system = $1
     AND (other.state = 'running'
          OR (other.state = 'queued' AND other.waits_for IS NOT NULL AND other.not_before <= clock_timestamp()
              AND (other.not_before, other.id) < (mine.not_before, mine.id)))`;

const FORGET = `
  DELETE FROM space_claims AS claim USING backup_runs AS run
   WHERE run.id = claim.run_id
     AND ((run.id = $1 AND NOT claim.file_system = ANY ($2::text[])) OR run.state NOT IN ('queued', 'running'))`;

/** Nothing is written where it stands there already: who waits asks again and again. */
const CLAIM = `
  INSERT INTO space_claims (run_id, file_system, path, bytes)
  SELECT $1::uuid, $2::text, $3::text, $4::bigint
   WHERE NOT EXISTS (SELECT FROM space_claims WHERE run_id = $1 AND file_system = $2 AND path = $3 AND bytes = $4)
  ON CONFLICT (run_id, file_system) DO UPDATE SET path = EXCLUDED.path, bytes = EXCLUDED.bytes`;

/**
 * Keeps room for a run, or remembers that it wants it. To be called under {@link ADMISSION_LOCK}.
 * @returns what it has to wait for. Where nobody else is in the way, there is nothing to wait for, whether there is room or not
 */
export async function askForSpace(
  manager: EntityManager,
  runId: string,
  needs: readonly SpaceNeed[],
): Promise<SpaceWait | undefined> {
  let wait: SpaceWait | undefined;
  await manager.query(FORGET, [runId, needs.map(({ fileSystem }) => fileSystem)]);
  for (const { fileSystem, path, bytes, freeBytes } of needs) {
    await manager.query(CLAIM, [runId, fileSystem, path, Math.ceil(bytes)]);
    const [kept] = await manager.query<{ bytes: number }[]>(KEPT, [fileSystem, runId]);
    const keptBytes = kept?.bytes ?? 0;
    if (keptBytes > 0 && freeBytes - keptBytes < bytes) {
      wait ??= { path, neededBytes: Math.ceil(bytes), freeBytes, keptBytes };
    }
  }
  return wait;
}
