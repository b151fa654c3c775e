import type { TargetSpec } from '@hozen/contracts';
import type { DataSource } from 'typeorm';
import { measuresOf, type Counters, type Measures } from './measures.js';

/** A target whose performance is to be looked at now. */
export interface DueTarget {
  id: string;
  name: string;
  spec: unknown;
}

/** Every target that asks for it is looked at, from the first time on. */
const SCHEDULE = `
  INSERT INTO performance_schedules (target_id, next_at)
  SELECT id, clock_timestamp() FROM backup_targets WHERE spec ->> 'kind' = 'postgres' AND spec ? 'baseline'
  ON CONFLICT (target_id) DO NOTHING`;

/** The claim is the lease: a worker that dies now leaves out one look. */
const CLAIM = `
  UPDATE performance_schedules AS due
     SET next_at = clock_timestamp() + make_interval(secs => coalesce((target.spec -> 'baseline' ->> 'everySeconds')::float8, 60))
    FROM backup_targets AS target
   WHERE target.id = due.target_id
     AND due.target_id = (
       SELECT waiting.target_id
         FROM performance_schedules AS waiting JOIN backup_targets AS asking ON asking.id = waiting.target_id
        WHERE waiting.next_at <= clock_timestamp()
          AND asking.spec ->> 'kind' = 'postgres' AND asking.spec ? 'baseline'
        ORDER BY waiting.next_at LIMIT 1
        FOR UPDATE OF waiting SKIP LOCKED)
  RETURNING target.id, target.target_name AS name, target.spec`;

export async function claimTarget(database: DataSource): Promise<DueTarget | undefined> {
  await database.query(SCHEDULE);
  const [rows] = await database.query<[DueTarget[], number]>(CLAIM);
  return rows[0];
}

const LAST = `
  SELECT counters FROM performance_samples WHERE target_id = $1 ORDER BY sampled_at DESC LIMIT 1`;

const INSERT = `
  INSERT INTO performance_samples (target_id, sampled_at, counters, measures)
  VALUES ($1, clock_timestamp(), $2::jsonb, $3::jsonb)`;

/** A week is compared with; the rest is for people who look. */
const FORGET = `
  DELETE FROM performance_samples WHERE target_id = $1 AND sampled_at < clock_timestamp() - interval '14 days'`;

/** Looks that are missing in between, at most. */
const MOST_MISSED = 5;

export async function keepSample(database: DataSource, target: DueTarget, now: Counters): Promise<Measures> {
  const [last] = await database.query<{ counters: Counters }[]>(LAST, [target.id]);
  const every = (target.spec as TargetSpec).baseline?.everySeconds ?? 0;
  const measures = measuresOf(now, last?.counters, every * (MOST_MISSED + 1));
  await database.query(INSERT, [target.id, JSON.stringify(now), JSON.stringify(measures)]);
  await database.query(FORGET, [target.id]);
  return measures;
}
