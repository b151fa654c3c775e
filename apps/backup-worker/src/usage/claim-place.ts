import type { StorageSpec } from '@hozen/contracts';
import type { DataSource } from 'typeorm';
import { PLACES } from './places.sql.js';

/** A storage that is to be looked at now. */
export interface DuePlace {
  place: string;
  epoch: string;
  /** As each config that stores there describes it. */
  specs: StorageSpec[];
  configs: string[];
}

/** Between looks at one storage, in seconds. */
const EVERY_SECONDS = 300;

const SCHEDULE = `
  WITH gone AS (DELETE FROM storage_usage WHERE place NOT IN (SELECT place FROM (${PLACES}) AS known))
  INSERT INTO storage_usage (place, next_at) SELECT DISTINCT place, clock_timestamp() FROM (${PLACES}) AS known
  ON CONFLICT (place) DO NOTHING`;

/** The claim is the lease: a worker that dies now leaves out one look. One that is late is told by the epoch. */
const CLAIM = `
  UPDATE storage_usage AS due
     SET next_at = clock_timestamp() + make_interval(secs => ${EVERY_SECONDS}), epoch = nextval('fence_epoch')
    FROM (SELECT place, jsonb_agg(spec ORDER BY config_name) AS specs,
                 array_agg(DISTINCT config_name::text ORDER BY config_name::text) AS configs
            FROM (${PLACES}) AS known GROUP BY place) AS used
   WHERE used.place = due.place
     AND due.place = (SELECT place FROM storage_usage WHERE next_at <= clock_timestamp()
                       ORDER BY next_at LIMIT 1 FOR UPDATE SKIP LOCKED)
  RETURNING due.place, due.epoch, used.specs, used.configs`;

export async function claimPlace(database: DataSource): Promise<DuePlace | undefined> {
  await database.query(SCHEDULE);
  const [rows] = await database.query<[DuePlace[], number]>(CLAIM);
  return rows[0];
}

const LOOK_SOON = `
  UPDATE storage_usage SET next_at = clock_timestamp()
   WHERE next_at > clock_timestamp()
     AND place IN (SELECT place FROM (${PLACES}) AS known
                    WHERE config_name = (SELECT config_name FROM backup_configs WHERE id = $1))`;

/** After a run: what it wrote counts at once. */
export async function lookSoon(database: DataSource, configId: string): Promise<void> {
  await database.query(LOOK_SOON, [configId]);
}
