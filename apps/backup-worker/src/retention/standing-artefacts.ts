import type { BackupLevel, ConfigSpec } from '@hozen/contracts';
import type { EntityManager } from 'typeorm';
import { BAD_RUNS } from '../runs/bad-backups.js';
import { decide, type Decision, type KeptArtefact } from './decide.js';
import { policyOf } from './policy.js';

/**
 * All artefacts of a config that are not deleted or about to be. Logs that are kept for some days promise every moment of
 * these days: the newest sound copy of files before them is where the way begins, and every log since then is needed.
 */
const STANDING = `
  WITH beginning AS (
    SELECT copy.run_id, copy.system_identifier, copy.start_lsn
      FROM recovery_ranges AS copy
      JOIN backup_runs AS run ON run.id = copy.run_id
      JOIN backup_configs AS config ON config.target_id = run.target_id
     WHERE config.id = $1 AND copy.kind = 'copy' AND copy.up_to < $3::timestamptz - make_interval(days => $2)
       AND NOT EXISTS (SELECT FROM artefact_deletions AS deletion WHERE deletion.run_id = copy.run_id)
       AND copy.run_id NOT IN ${BAD_RUNS}
     ORDER BY copy.up_to DESC LIMIT 1
  )
  SELECT artefact.run_id, artefact.file_path, artefact.file_size, run.backup_level, run.started_at, run.finished_at,
         run.parent_run_id,
         (run.options ->> 'retentionDays')::integer AS days,
         coalesce((artefact.proof ->> 'damaged')::boolean, false) AS damaged, run.id IN ${BAD_RUNS} AS bad,
         artefact.proof IS NULL AS unproven,
         (SELECT beginning.run_id FROM beginning, recovery_ranges AS range
           WHERE range.run_id = run.id AND range.kind = 'log'
             AND range.system_identifier = beginning.system_identifier
             AND range.end_lsn >= beginning.start_lsn) AS leads_on_from,
         hold.run_id IS NOT NULL OR EXISTS (SELECT FROM restores AS restore
                                             WHERE restore.run_id = artefact.run_id
                                               AND restore.state IN ('queued', 'running'))
           OR EXISTS (SELECT FROM verifications AS verification
                       WHERE verification.run_id = artefact.run_id AND verification.state IN ('queued', 'running'))
           OR run.backup_level = 'transaction_log'
              AND EXISTS (SELECT FROM restores AS restore JOIN backup_runs AS copy ON copy.id = restore.run_id
                           WHERE restore.point IS NOT NULL AND restore.state IN ('queued', 'running')
                             AND copy.target_id = run.target_id) AS held
    FROM backup_artefacts AS artefact
    JOIN backup_runs AS run ON run.id = artefact.run_id
    LEFT JOIN artefact_holds AS hold ON hold.run_id = artefact.run_id
   WHERE run.config_id = $1
     AND NOT EXISTS (SELECT FROM artefact_deletions AS deletion WHERE deletion.run_id = artefact.run_id)`;

interface StandingRow {
  run_id: string;
  file_path: string;
  file_size: string;
  backup_level: BackupLevel;
  started_at: Date;
  finished_at: Date;
  parent_run_id: string | null;
  days: number | null;
  damaged: boolean;
  bad: boolean;
  unproven: boolean;
  leads_on_from: string | null;
  held: boolean;
}

/** An artefact with what people want to see of it. */
export interface StandingArtefact extends KeptArtefact {
  path: string;
  bytes: number;
}

/** What stays of a config's artefacts and what goes, by the rules as they are now. */
export async function decideFor(
  manager: EntityManager,
  configId: string,
  config: ConfigSpec,
  now: Date,
): Promise<(Decision & { artefact: StandingArtefact })[]> {
  const rows = await manager.query<StandingRow[]>(STANDING, [configId, policyOf(config, 'transaction_log').days, now]);
  const standing = new Map(rows.map((row) => [row.run_id, artefactOf(row)]));
  const decisions = decide([...standing.values()], rulesOf(config), now);
  return decisions.flatMap((decision) => {
    const artefact = standing.get(decision.artefact.runId);
    return artefact ? [{ ...decision, artefact }] : [];
  });
}

function rulesOf(config: ConfigSpec) {
  return {
    policyOf: (level: BackupLevel) => policyOf(config, level),
    minimumProven: config.retention?.minimumProven ?? 1,
    timeZone: config.timeZone,
  };
}

function artefactOf(row: StandingRow): StandingArtefact {
  return {
    runId: row.run_id,
    level: row.backup_level,
    startedAt: row.started_at,
    finishedAt: row.finished_at,
    // A run of ours is completed only when its artefact is proven; but it may be the proven copy of damaged data, or have gone bad
    // since. One that was found in storage is not proven yet.
    proven: !row.damaged && !row.bad && !row.unproven,
    unread: row.unproven && !row.bad,
    damaged: row.damaged,
    bad: row.bad,
    parentRunId: row.parent_run_id ?? undefined,
    leadsOnFrom: row.leads_on_from ?? undefined,
    days: row.days ?? undefined,
    held: row.held,
    lockedUntil: undefined,
    path: row.file_path,
    bytes: Number(row.file_size),
  };
}
