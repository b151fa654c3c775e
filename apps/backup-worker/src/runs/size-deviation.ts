import { warningText } from '@hozen/contracts';
import type { DataSource } from 'typeorm';
import type { RunRow } from '../store/entities.js';

/** Fewer say nothing about what is usual. */
const NEEDED = 3;

/** Of the last seven of its kind, before compression: that neither a better compressor nor a full disk changes. */
const USUAL = `
  SELECT count(*)::int AS count, avg(original_size)::float AS average
    FROM (SELECT original_size FROM backup_history
           WHERE config_name = $1 AND backup_level = $2 AND result = 'completed' AND original_size > 0
           ORDER BY finished_at DESC LIMIT 7) AS last`;

/**
 * Whether a full backup is much larger or smaller than the ones before it: something was dropped, loaded twice, or left out.
 * @param percent from which on it is told; 0: never
 */
export async function sizeWarning(
  database: DataSource,
  run: Pick<RunRow, 'config_name' | 'backup_level'>,
  originalBytes: number,
  percent: number,
): Promise<string | undefined> {
  if (percent === 0 || run.backup_level !== 'full') return undefined;
  const [usual] = await database.query<{ count: number; average: number | null }[]>(USUAL, [
    run.config_name,
    run.backup_level,
  ]);
  if (!usual?.average || usual.count < NEEDED) return undefined;
  const deviation = (originalBytes / usual.average - 1) * 100;
  if (Math.abs(deviation) < percent) return undefined;
  return warningText(deviation > 0 ? 'size.more' : 'size.less', {
    percent: Math.abs(Math.round(deviation)),
    count: usual.count,
    size: inMegabytes(originalBytes),
    usual: inMegabytes(usual.average),
  });
}

function inMegabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}
