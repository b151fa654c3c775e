import type { BackupLevel } from '@hozen/contracts';
import type { DataSource } from 'typeorm';
import type { EarlierBackup, Lineage, StandingCopy } from '../job.js';
import type { RunRow } from '../store/entities.js';
import { lostLease } from './lost-lease.js';

/** As retention does: what is found under this lock is not let go while the run is at work. */
const LOCK_TARGET = `SELECT FROM backup_targets WHERE id = $1 FOR UPDATE`;

const NEWEST = `
  WITH RECURSIVE newest AS (
    SELECT artefact.run_id, artefact.file_path
      FROM backup_artefacts AS artefact JOIN backup_runs AS run ON run.id = artefact.run_id
     WHERE run.config_id = $1 AND run.backup_level = ANY ($2) AND run.id <> $3
       AND NOT EXISTS (SELECT FROM artefact_deletions AS deletion WHERE deletion.run_id = run.id)
     ORDER BY run.started_at DESC LIMIT 1
  ), chain AS (
    SELECT run.id, run.parent_run_id FROM backup_runs AS run JOIN newest ON newest.run_id = run.id
    UNION
    SELECT run.id, run.parent_run_id FROM backup_runs AS run JOIN chain ON chain.parent_run_id = run.id
  )
  SELECT newest.run_id AS "runId", newest.file_path AS "path", (SELECT count(*) FROM chain)::int AS "chain" FROM newest
   WHERE NOT EXISTS (SELECT FROM chain JOIN backup_artefacts AS part ON part.run_id = chain.id
                      WHERE part.bad_since IS NOT NULL OR part.proof IS NULL)`;

const COPY_WITHOUT_LOG = `
  WITH standing AS (
    SELECT range.* FROM recovery_ranges AS range
      JOIN backup_runs AS run ON run.id = range.run_id
      JOIN backup_artefacts AS artefact ON artefact.run_id = range.run_id
     WHERE run.target_id = $1 AND artefact.bad_since IS NULL
       AND NOT EXISTS (SELECT FROM artefact_deletions AS deletion WHERE deletion.run_id = range.run_id)
  ), newest AS (
    SELECT * FROM standing WHERE kind = 'copy' ORDER BY up_to DESC LIMIT 1
  )
  SELECT system_identifier AS "systemIdentifier", timeline::int AS "timeline", end_lsn::text AS "endLsn",
         to_char(up_to AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS "at"
    FROM newest
   WHERE NOT EXISTS (SELECT FROM standing AS log
                      WHERE log.kind = 'log' AND log.system_identifier = newest.system_identifier
                        AND log.timeline >= newest.timeline AND log.end_lsn >= newest.end_lsn)`;

const CHOOSE = `
  UPDATE backup_runs SET backup_level = $3, parent_run_id = $4
   WHERE id = $1 AND epoch = $2 AND state = 'running'
  RETURNING id`;

/** The earlier backups of a run's config, as our database knows them. */
export function lineageOf(database: DataSource, run: RunRow): Lineage {
  return {
    newest: (levels) => newest(database, run, levels),
    copyWithoutLog: async () => (await database.query<StandingCopy[]>(COPY_WITHOUT_LOG, [run.target_id]))[0],
    choose: (level, parent) => choose(database, run, level, parent),
  };
}

function newest(database: DataSource, run: RunRow, levels: readonly BackupLevel[]): Promise<EarlierBackup | undefined> {
  return database.transaction(async (manager) => {
    await manager.query(LOCK_TARGET, [run.target_id]);
    const [found] = await manager.query<EarlierBackup[]>(NEWEST, [run.config_id, levels, run.id]);
    return found;
  });
}

async function choose(
  database: DataSource,
  run: RunRow,
  level: BackupLevel,
  parent: EarlierBackup | undefined,
): Promise<void> {
  const [rows] = await database.query<[unknown[], number]>(CHOOSE, [run.id, run.epoch, level, parent?.runId ?? null]);
  if (rows.length === 0) throw lostLease();
  run.backup_level = level;
}
