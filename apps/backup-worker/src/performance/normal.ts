import type { PerformanceMeasure, TargetSpec } from '@hozen/contracts';
import type { DataSource, EntityManager } from 'typeorm';
import type { RestoreRow } from '../restores/restore-row.js';
import type { Measures } from './measures.js';
import type { Normal } from './watch-row.js';

/** Fewer looks say nothing of what is normal. */
const FEWEST = 10;

const MEDIANS = `
  SELECT measure, hour, percentile_cont(0.5) WITHIN GROUP (ORDER BY value) AS median
    FROM (SELECT key AS measure, value::float8 AS value,
                 extract(hour FROM sampled_at AT TIME ZONE 'UTC')::int::text AS hour
            FROM performance_samples, jsonb_each_text(measures)
           WHERE target_id = $1 AND sampled_at > clock_timestamp() - interval '7 days') AS looks
   GROUP BY GROUPING SETS ((measure), (measure, hour))
  HAVING count(*) >= ${FEWEST}`;

/** What a worker before this one recorded is from before, too. */
const RECORD = `
  INSERT INTO performance_watches (restore_id, target_id, normal, threshold_percent, hours)
  VALUES ($1, $2, $3::jsonb, $4, $5)
  ON CONFLICT (restore_id) DO NOTHING`;

/** Writes down what is normal before a restore in place changes it, where the target asks for that. */
export async function recordNormal(database: DataSource, row: RestoreRow, { baseline }: TargetSpec): Promise<void> {
  if (!baseline || row.target_id === null) return;
  const { thresholdPercent, hours } = baseline;
  const normal = await normalOf(database.manager, row.target_id);
  await database.query(RECORD, [row.id, row.target_id, JSON.stringify(normal), thresholdPercent, hours]);
}

/** Of the last seven days. */
export async function normalOf(manager: EntityManager, targetId: string): Promise<Normal> {
  const normal: Normal = { always: {}, hours: {} };
  interface Median {
    measure: PerformanceMeasure;
    hour: string | null;
    median: number;
  }
  for (const { measure, hour, median } of await manager.query<Median[]>(MEDIANS, [targetId])) {
    if (hour === null) normal.always[measure] = median;
    else (normal.hours[hour] ??= {})[measure] = median;
  }
  return normal;
}

/** @param hour of the day, UTC */
export function normalAt({ always, hours }: Normal, hour: number): Measures {
  return { ...always, ...hours[String(hour)] };
}
