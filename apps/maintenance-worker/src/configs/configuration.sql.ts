/** Locked, so that two who apply at once see each other's result. */
export const LIST_TARGETS = `SELECT target_name AS name, spec AS value FROM maintenance_targets ORDER BY id FOR UPDATE`;

/** In the words of the configuration. */
export const LIST_SETTINGS = `
  SELECT target.target_name AS name,
         jsonb_strip_nulls(jsonb_build_object('backupConfig', settings.backup_config,
           'timeoutMinutes', settings.timeout_minutes, 'backupWaitMinutes', settings.backup_wait_minutes,
           'lockWaitSeconds', settings.lock_wait_seconds, 'retries', settings.retries,
           'thresholds', settings.thresholds)) AS value
    FROM maintenance_settings AS settings JOIN maintenance_targets AS target ON target.id = settings.target_id
   ORDER BY settings.id FOR UPDATE OF settings`;

export const UPSERT_TARGET = `
  INSERT INTO maintenance_targets (target_name, spec) VALUES ($1, $2::jsonb)
  ON CONFLICT (target_name) DO UPDATE SET spec = excluded.spec, updated_at = clock_timestamp()`;

/** What a new row is not told has the defaults of the columns; their meaning is BATCH-905's. */
export const UPSERT_SETTINGS = `
  INSERT INTO maintenance_settings
    (target_id, backup_config, timeout_minutes, backup_wait_minutes, lock_wait_seconds, retries, thresholds)
  SELECT target.id, $2::jsonb ->> 'backupConfig', coalesce(($2::jsonb ->> 'timeoutMinutes')::integer, 180),
         coalesce(($2::jsonb ->> 'backupWaitMinutes')::integer, 150),
         coalesce(($2::jsonb ->> 'lockWaitSeconds')::integer, 60),
         coalesce($2::jsonb -> 'retries', '{}'), coalesce($2::jsonb -> 'thresholds', '{}')
    FROM maintenance_targets AS target WHERE target.target_name = $1
  ON CONFLICT (target_id) DO UPDATE
     SET backup_config = excluded.backup_config, timeout_minutes = excluded.timeout_minutes,
         backup_wait_minutes = excluded.backup_wait_minutes, lock_wait_seconds = excluded.lock_wait_seconds,
         retries = excluded.retries, thresholds = excluded.thresholds, updated_at = clock_timestamp()`;
