import { storageLocation, type StorageSpec, type StorageView, type UsageLevel } from '@hozen/contracts';
import type { DataSource } from 'typeorm';
import { PLACES, STANDING } from './places.sql.js';
import { percentOf, thresholdsOf } from './record-usage.js';

const LIST = `
  SELECT used.specs, coalesce(usage.level, 'ok') AS level, usage.used_bytes::float8 AS "usedBytes",
         usage.capacity_bytes::float8 AS "capacityBytes", usage.looked_at AS "lookedAt", usage.last_error AS error,
         coalesce((SELECT jsonb_agg(jsonb_build_object('config', config_name, 'artefacts', artefacts, 'bytes', bytes)
                                    ORDER BY config_name)
                     FROM (SELECT config_name, count(*) AS artefacts, sum(file_size) AS bytes
                             FROM (${STANDING}) AS standing
                            WHERE starts_with(file_path, used.location || '/')
                            GROUP BY config_name) AS by_config), '[]') AS configs
    FROM (SELECT place, min(storage_location(spec)) AS location, jsonb_agg(spec ORDER BY config_name) AS specs
            FROM (${PLACES}) AS known GROUP BY place) AS used
    LEFT JOIN storage_usage AS usage ON usage.place = used.place
   ORDER BY used.location`;

interface StorageRow {
  specs: StorageSpec[];
  level: UsageLevel;
  usedBytes: number | null;
  capacityBytes: number | null;
  lookedAt: Date | null;
  error: string | null;
  configs: StorageView['configs'];
}

/** Every place that a config stores in, and how full it was when a worker last looked. */
export async function listStorages(database: DataSource): Promise<StorageView[]> {
  const rows = await database.query<StorageRow[]>(LIST);
  return rows.flatMap(({ specs, level, usedBytes, capacityBytes, lookedAt, error, configs }) => {
    const [spec] = specs;
    if (!spec) return [];
    const isKnown = usedBytes !== null && capacityBytes !== null;
    const { warningPercent, criticalPercent } = thresholdsOf(specs);
    return {
      storage: storageLocation(spec),
      kind: spec.kind,
      level,
      ...(isKnown ? { usedPercent: percentOf({ usedBytes, capacityBytes }), usedBytes, capacityBytes } : {}),
      warningPercent,
      criticalPercent,
      artefacts: configs.reduce((sum, config) => sum + config.artefacts, 0),
      artefactBytes: configs.reduce((sum, config) => sum + config.bytes, 0),
      configs,
      ...(lookedAt === null ? {} : { lookedAt: lookedAt.toISOString() }),
      ...(error === null ? {} : { error }),
    };
  });
}
