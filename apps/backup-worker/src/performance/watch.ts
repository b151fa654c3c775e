import { newEvent, type PerformanceMeasure } from '@hozen/contracts';
import type { Outbox, Transaction } from '@hozen/messaging';
import type { EntityManager } from 'typeorm';
import { restoreFacts, type RestoreRow } from '../restores/restore-row.js';
import { traced } from '../runs/begin-attempt.js';
import { SOURCE } from '../runs/facts.js';
import { deviationsOf, type Measures } from './measures.js';
import { normalAt } from './normal.js';
import type { WatchRow } from './watch-row.js';

const BEGIN = `
  UPDATE performance_watches
     SET state = 'watching', begins_at = clock_timestamp(), ends_at = clock_timestamp() + make_interval(hours => hours)
   WHERE restore_id = $1 AND state = 'recorded'`;

const FORGET = `DELETE FROM performance_watches WHERE restore_id = $1 AND state = 'recorded'`;

/** With the end of the restore, in one transaction: what was not changed is not watched. */
export async function beginWatch(tx: Transaction, restoreId: string, isRestored: boolean): Promise<void> {
  await tx.manager.query(isRestored ? BEGIN : FORGET, [restoreId]);
}

const OF_TARGET = `
  SELECT * FROM performance_watches
   WHERE target_id = $1 AND state = 'watching' AND ends_at > clock_timestamp() ORDER BY restore_id FOR UPDATE`;

/** A single slow look is not told of: the median of a quarter of an hour, of three looks at least, counts. */
const NOW = `
  SELECT key AS measure, percentile_cont(0.5) WITHIN GROUP (ORDER BY value::float8) AS median,
         extract(hour FROM clock_timestamp() AT TIME ZONE 'UTC')::int AS hour
    FROM performance_samples, jsonb_each_text(measures)
   WHERE target_id = $1 AND sampled_at > greatest($2, clock_timestamp() - interval '15 minutes')
   GROUP BY key HAVING count(*) >= 3`;

const OUTSIDE = `
  UPDATE performance_watches SET outside = $2::jsonb, deviated = deviated OR $3 WHERE restore_id = $1`;

/** After a look: tells when a restored server leaves its normal range, and when it is back. */
export async function lookAtWatches(outbox: Outbox, targetId: string): Promise<void> {
  await outbox.transaction(async (tx) => {
    for (const watch of await tx.manager.query<WatchRow[]>(OF_TARGET, [targetId])) await look(tx, watch);
  });
}

async function look(tx: Transaction, watch: WatchRow): Promise<void> {
  const { manager } = tx;
  const medians = await manager.query<{ measure: PerformanceMeasure; median: number; hour: number }[]>(NOW, [
    watch.target_id,
    watch.begins_at,
  ]);
  const [first] = medians;
  if (!first) return;
  const now: Measures = Object.fromEntries(medians.map(({ measure, median }) => [measure, median]));
  const outside = deviationsOf(now, normalAt(watch.normal, first.hour), watch.threshold_percent);
  await manager.query(OUTSIDE, [watch.restore_id, JSON.stringify(outside), outside.length > 0]);
  if (outside.length > 0 === watch.outside.length > 0) return;
  const facts = await factsOf(manager, watch);
  const about = { source: SOURCE, subject: watch.restore_id, ...traced() };
  if (outside.length > 0) {
    const data = { ...facts, thresholdPercent: watch.threshold_percent, deviations: outside };
    await tx.publish(newEvent('restore.performance_deviates', data, about));
  } else {
    await tx.publish(newEvent('restore.performance_normal', facts, about));
  }
}

const ENDED = `
  SELECT * FROM performance_watches WHERE state = 'watching' AND ends_at <= clock_timestamp()
   ORDER BY ends_at LIMIT 1 FOR UPDATE SKIP LOCKED`;

const LOOKS = `
  SELECT count(*)::int AS looks FROM performance_samples WHERE target_id = $1 AND sampled_at BETWEEN $2 AND $3`;

const END = `UPDATE performance_watches SET state = 'ended', verdict = $2 WHERE restore_id = $1`;

/** Says of a watch whose time is over whether all was well. @returns whether there was one */
export async function endWatch(outbox: Outbox): Promise<boolean> {
  return outbox.transaction(async (tx) => {
    const [watch] = await tx.manager.query<WatchRow[]>(ENDED);
    if (!watch) return false;
    const [found] = await tx.manager.query<{ looks: number }[]>(LOOKS, [
      watch.target_id,
      watch.begins_at,
      watch.ends_at,
    ]);
    const isKnown = (found?.looks ?? 0) > 0 && Object.keys(watch.normal.always).length > 0;
    const verdict = isKnown ? (watch.deviated ? 'deviated' : 'well') : 'unknown';
    await tx.manager.query(END, [watch.restore_id, verdict]);
    const data = { ...(await factsOf(tx.manager, watch)), verdict, deviations: watch.outside } as const;
    const about = { source: SOURCE, subject: watch.restore_id, ...traced() };
    await tx.publish(newEvent('restore.performance_watched', data, about), { once: `watched:${watch.restore_id}` });
    return true;
  });
}

async function factsOf(manager: EntityManager, watch: WatchRow) {
  const [row] = await manager.query<RestoreRow[]>('SELECT * FROM restores WHERE id = $1', [watch.restore_id]);
  if (!row) throw new Error('the restore of a watch is gone');
  return { ...restoreFacts(row), until: watch.ends_at?.toISOString() ?? '' };
}
