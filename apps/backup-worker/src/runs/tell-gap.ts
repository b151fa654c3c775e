import { newEvent, type LogGap } from '@hozen/contracts';
import type { Transaction } from '@hozen/messaging';
import type { Manifest } from '../artefact/manifest.js';
import type { RunRow } from '../store/entities.js';
import { traced } from './begin-attempt.js';
import { factsOf, SOURCE } from './facts.js';

const COPYING_CONFIGS = `
  SELECT config_name AS name FROM backup_configs
   WHERE target_id = $1 AND method IN ('postgres-physical', 'mariadb-logical', 'mariadb-physical') ORDER BY 1`;

/**
 * A log that does not go on from the one before is told of, and a full backup asked for: no point in time after the gap can
 * be restored until that is there.
 */
export async function tellGap(tx: Transaction, run: RunRow, manifest: Manifest): Promise<void> {
  const gap = gapIn(manifest);
  if (!gap) return;
  const configs = await tx.manager.query<{ name: string }[]>(COPYING_CONFIGS, [run.target_id]);
  const about = { source: SOURCE, subject: run.id, ...traced() };
  const requested = configs.map(({ name }) => name);
  await tx.publish(newEvent('backup.gap_found', { ...factsOf(run), gap, requested }, about), { once: `gap:${run.id}` });
  for (const config of requested) {
    const request = {
      config,
      level: 'full',
      trigger: 'automatic',
      overrideWindow: true,
      reason: `The log of ${run.target_name} (${run.config_name}) has a gap from ${gap.fromLsn} to ${gap.toLsn}.`,
      requestedBy: SOURCE,
    } as const;
    await tx.publish(newEvent('backup.requested', request, about), { once: `gap:${run.id}:${config}` });
  }
}

/** Places in WAL, or files of a binary log. */
function gapIn({ wal, mariadb }: Manifest): LogGap | undefined {
  const binlog = mariadb?.binlogs?.gap;
  if (!binlog) return wal?.gap;
  return { fromLsn: binlog.fromFile, from: binlog.from, toLsn: binlog.toFile, reason: binlog.reason };
}
