import { newEvent, storageLocation, UsageSpec, type StorageSpec, type UsageLevel } from '@hozen/contracts';
import type { Outbox, Transaction } from '@hozen/messaging';
import type { DataSource } from 'typeorm';
import { traced } from '../runs/begin-attempt.js';
import { SOURCE } from '../runs/facts.js';
import type { DuePlace } from './claim-place.js';
import type { Measured } from './measure-storage.js';
import { STANDING } from './places.sql.js';
import { levelOf } from './usage-level.js';

/** Two that look at the same place: the one that began later counts. */
const LOCK = `SELECT level FROM storage_usage WHERE place = $1 AND epoch = $2 FOR UPDATE`;

const RECORD = `
  UPDATE storage_usage
     SET level = $3, used_bytes = $4, capacity_bytes = $5, looked_at = clock_timestamp(), last_error = NULL
   WHERE place = $1 AND epoch = $2`;

const RECORD_FAILURE = `UPDATE storage_usage SET last_error = $3 WHERE place = $1 AND epoch = $2`;

const ARTEFACT_BYTES = `
  SELECT coalesce(sum(file_size), 0)::float8 AS bytes FROM (${STANDING}) AS standing
   WHERE starts_with(file_path, $1)`;

/** What was seen, and, in the same transaction, the event where a threshold was crossed. */
export async function recordUsage(outbox: Outbox, due: DuePlace, measured: Measured | undefined): Promise<void> {
  await outbox.transaction(async (tx) => {
    const [row] = await tx.manager.query<{ level: UsageLevel }[]>(LOCK, [due.place, due.epoch]);
    if (!row) return;
    const { usedBytes = null, capacityBytes = null } = measured ?? {};
    const usedPercent = measured ? percentOf(measured) : 0;
    const level = levelOf(usedPercent, thresholdsOf(due.specs), row.level);
    await tx.manager.query(RECORD, [due.place, due.epoch, level, usedBytes, capacityBytes]);
    if (measured && level !== row.level) await tell(tx, due, measured, { before: row.level, level });
  });
}

/** The last level stays: of a storage that cannot be looked at nothing new is known. */
export async function recordFailure(database: DataSource, due: DuePlace, why: string): Promise<void> {
  await database.query(RECORD_FAILURE, [due.place, due.epoch, why]);
}

export function percentOf({ usedBytes, capacityBytes }: Measured): number {
  return capacityBytes > 0 ? (usedBytes / capacityBytes) * 100 : 100;
}

/** Of several configs the earliest warning counts. */
export function thresholdsOf(specs: readonly StorageSpec[]): UsageSpec {
  const all = specs.flatMap(({ usage }) => (usage ? [usage] : []));
  if (all.length === 0) return new UsageSpec();
  return {
    warningPercent: Math.min(...all.map(({ warningPercent }) => warningPercent)),
    criticalPercent: Math.min(...all.map(({ criticalPercent }) => criticalPercent)),
  };
}

async function tell(
  tx: Transaction,
  { specs, configs, place, epoch }: DuePlace,
  measured: Measured,
  { before, level }: { before: UsageLevel; level: UsageLevel },
): Promise<void> {
  const [spec] = specs;
  // From critical back to warning nobody has to do anything.
  if (!spec || (before === 'critical' && level === 'warning')) return;
  const storage = storageLocation(spec);
  const [found] = await tx.manager.query<{ bytes: number }[]>(ARTEFACT_BYTES, [`${storage}/`]);
  const facts = {
    storage,
    usedPercent: Math.round(percentOf(measured) * 10) / 10,
    ...measured,
    artefactBytes: found?.bytes ?? 0,
    configs,
  };
  const about = { source: SOURCE, subject: storage, ...traced() };
  const once = { once: `usage:${place}:${epoch}` };
  if (level === 'ok') return tx.publish(newEvent('storage.usage_normal', facts, about), once).then(() => undefined);
  const thresholdPercent = thresholdsOf(specs)[`${level}Percent`];
  await tx.publish(newEvent('storage.usage_high', { ...facts, level, thresholdPercent }, about), once);
}
