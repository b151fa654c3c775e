import {
  HozenError,
  isConfigurationTarget,
  isS3Target,
  isServerTarget,
  objectsLocation,
  storageLocation,
  type AnyTargetSpec,
  type ConfigSpec,
  type ConfigView,
  type RunState,
  type TargetView,
} from '@hozen/contracts';
import type { DataSource } from 'typeorm';

const LIST_CONFIGS = `
  SELECT config.config_name AS name, target.target_name AS target, config.spec, last.id, last.state, last.finished_at
    FROM backup_configs AS config
    JOIN backup_targets AS target ON target.id = config.target_id
    LEFT JOIN LATERAL (SELECT run.id, run.state, run.finished_at FROM backup_runs AS run
                        WHERE run.config_id = config.id ORDER BY run.queued_at DESC LIMIT 1) AS last ON true
   ORDER BY config.config_name`;

interface ConfigRow {
  name: string;
  target: string;
  spec: ConfigSpec;
  id: string | null;
  state: RunState | null;
  finished_at: Date | null;
}

/** All configs by name, each with its latest run. */
export async function listConfigs(database: DataSource): Promise<ConfigView[]> {
  const rows = await database.query<ConfigRow[]>(LIST_CONFIGS);
  return rows.map(({ name, target, spec, id, state, finished_at }) => ({
    name,
    target,
    method: spec.method,
    level: spec.level,
    storagePath: storageLocation(spec.storage),
    timeZone: spec.timeZone,
    proof: spec.proof,
    retentionDays: spec.retentionDays,
    ...(id === null || state === null
      ? {}
      : { lastRun: { id, state, ...(finished_at ? { finishedAt: finished_at.toISOString() } : {}) } }),
  }));
}

/** As it was applied, with the defaults. @throws HozenError CONFIG_UNKNOWN */
export async function findConfig(database: DataSource, name: string): Promise<ConfigSpec> {
  const rows = name.includes('\0')
    ? []
    : await database.query<{ spec: ConfigSpec }[]>('SELECT spec FROM backup_configs WHERE config_name = $1', [name]);
  if (!rows[0]) throw new HozenError('CONFIG_UNKNOWN', { config: name });
  return rows[0].spec;
}

/** All targets by name. */
export async function listTargets(database: DataSource): Promise<TargetView[]> {
  const rows = await database.query<{ spec: AnyTargetSpec }[]>('SELECT spec FROM backup_targets ORDER BY target_name');
  return rows.map(({ spec }) => {
    const { name, kind } = spec;
    if (isServerTarget(spec)) return { name, kind, host: spec.host, port: spec.port };
    if (isS3Target(spec)) return { name, kind, path: objectsLocation(spec) };
    return { name, kind, path: isConfigurationTarget(spec) ? spec.paths.join(', ') : spec.path };
  });
}
