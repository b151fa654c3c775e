import {
  HozenError,
  MaintenanceSettingsSpec,
  requireValid,
  TargetSpec,
  type MaintenanceRetriesSpec,
  type MaintenanceThresholdsSpec,
} from '@hozen/contracts';
import type { DataSource } from 'typeorm';
import type { RunRow } from '../store/rows.js';

/** What a run needs of its target, as it is now. */
export interface MaintenanceSettings {
  target: TargetSpec;
  timeoutMinutes: number;
  backupWaitMinutes: number;
  lockWaitSeconds: number;
  retries: MaintenanceRetriesSpec;
  thresholds: MaintenanceThresholdsSpec;
}

/** A target without a row has the column defaults' meaning: the spec's own. */
const LOAD_SETTINGS = `
  SELECT target.spec AS target,
         CASE WHEN settings.id IS NULL THEN '{}'::jsonb ELSE jsonb_build_object(
           'timeoutMinutes', settings.timeout_minutes, 'backupWaitMinutes', settings.backup_wait_minutes,
           'lockWaitSeconds', settings.lock_wait_seconds, 'retries', settings.retries,
           'thresholds', settings.thresholds) END AS settings
    FROM maintenance_targets AS target LEFT JOIN maintenance_settings AS settings ON settings.target_id = target.id
   WHERE target.id = $1`;

/**
 * @throws HozenError CONFIG_INVALID when the target was removed after the request was accepted, or the stored form is
 *   not what this version understands
 */
export async function loadSettings(database: DataSource, run: RunRow): Promise<MaintenanceSettings> {
  const [row] = await database.query<{ target: unknown; settings: object }[]>(LOAD_SETTINGS, [run.target_id]);
  if (!row) throw new HozenError('CONFIG_INVALID', {}, { detail: `target "${run.target_name}" is gone` });
  const target = requireValid(TargetSpec, row.target, 'CONFIG_INVALID');
  const stored = requireValid(MaintenanceSettingsSpec, { target: target.name, ...row.settings }, 'CONFIG_INVALID');
  const { timeoutMinutes, backupWaitMinutes, lockWaitSeconds, retries, thresholds } = stored;
  return { target, timeoutMinutes, backupWaitMinutes, lockWaitSeconds, retries, thresholds };
}
