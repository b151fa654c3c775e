import { HozenError, type ConfigSpec, type RetentionReasonView, type RetentionView } from '@hozen/contracts';
import type { DataSource } from 'typeorm';
import type { ExpireReason, KeepReason } from './decide.js';
import { decideFor } from './standing-artefacts.js';

const CONFIGS = `
  SELECT id, spec FROM backup_configs WHERE $1::text IS NULL OR config_name = $1 ORDER BY config_name`;

const PENDING = `
  SELECT deletion.run_id, artefact.file_path, artefact.file_size, deletion.attempts, deletion.last_error
    FROM artefact_deletions AS deletion
    JOIN backup_artefacts AS artefact ON artefact.run_id = deletion.run_id
    JOIN backup_runs AS run ON run.id = deletion.run_id
   WHERE deletion.deleted_at IS NULL AND run.config_id = $1
   ORDER BY deletion.decided_at, deletion.run_id`;

interface PendingRow {
  run_id: string;
  file_path: string;
  file_size: string;
  attempts: number;
  last_error: string | null;
}

/**
 * What would stay and what would go if the rules were applied now, and why; and what is on its way out. Changes nothing.
 * @throws HozenError CONFIG_UNKNOWN
 */
export async function previewRetention(database: DataSource, config: string | undefined): Promise<RetentionView[]> {
  const configs = await database.query<{ id: string; spec: ConfigSpec }[]>(CONFIGS, [config ?? null]);
  if (config !== undefined && configs.length === 0) throw new HozenError('CONFIG_UNKNOWN', { config });
  const now = new Date();
  const views: RetentionView[] = [];
  for (const { id, spec } of configs) {
    const decisions = await decideFor(database.manager, id, spec, now);
    const pending = await database.query<PendingRow[]>(PENDING, [id]);
    views.push({
      config: spec.name,
      artefacts: decisions.map(({ artefact, keep, reasons }) => ({
        runId: artefact.runId,
        level: artefact.level,
        startedAt: artefact.startedAt.toISOString(),
        path: artefact.path,
        bytes: artefact.bytes,
        keep,
        ...(artefact.bad ? { bad: true as const } : {}),
        reasons: reasons.map(reasonView),
      })),
      deleting: pending.map((row) => ({
        runId: row.run_id,
        path: row.file_path,
        bytes: Number(row.file_size),
        attempts: row.attempts,
        ...(row.last_error === null ? {} : { error: row.last_error }),
      })),
    });
  }
  return views;
}

function reasonView(reason: KeepReason | ExpireReason): RetentionReasonView {
  return reason.kind === 'locked' ? { ...reason, until: reason.until.toISOString() } : reason;
}
