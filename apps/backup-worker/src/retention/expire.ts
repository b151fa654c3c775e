import type { ConfigSpec } from '@hozen/contracts';
import type { DataSource, EntityManager } from 'typeorm';
import { decideFor } from './standing-artefacts.js';

/**
 * Locks the target's row: a run that looks for the backup it builds on takes the same lock, so that it never chooses one
 * that goes at that moment.
 */
const LOCK_TARGET = `
  SELECT config.spec, target.id AS target_id
    FROM backup_configs AS config JOIN backup_targets AS target ON target.id = config.target_id
   WHERE config.id = $1
     FOR UPDATE OF target`;

const IS_BUSY = `SELECT FROM backup_runs WHERE target_id = $1 AND state = 'running'`;

const BURY = `INSERT INTO artefact_deletions (run_id, reasons) VALUES ($1, $2::jsonb) ON CONFLICT (run_id) DO NOTHING`;

/**
 * Decides what of a config's artefacts goes, and writes it down. Nothing is removed here.
 * @returns how many; undefined where a run of the target is at work: what it needs is not known before its end
 */
export function expire(database: DataSource, configId: string, now = new Date()): Promise<number | undefined> {
  return database.transaction((manager) => expireIn(manager, configId, now));
}

async function expireIn(manager: EntityManager, configId: string, now: Date): Promise<number | undefined> {
  const [config] = await manager.query<{ spec: ConfigSpec; target_id: string }[]>(LOCK_TARGET, [configId]);
  if (!config) return 0;
  if ((await manager.query<unknown[]>(IS_BUSY, [config.target_id])).length > 0) return undefined;
  const decisions = await decideFor(manager, configId, config.spec, now);
  const gone = decisions.filter((decision) => !decision.keep);
  for (const { artefact, reasons } of gone) await manager.query(BURY, [artefact.runId, JSON.stringify(reasons)]);
  return gone.length;
}

/** Of every config; one that fails does not keep the others from it. */
export async function expireAll(database: DataSource, now = new Date()): Promise<number> {
  const configs = await database.query<{ id: string }[]>('SELECT id FROM backup_configs ORDER BY id');
  const counts = await Promise.allSettled(configs.map(({ id }) => expire(database, id, now)));
  const failed = counts.find((each) => each.status === 'rejected');
  if (failed) throw failed.reason;
  return counts.reduce((sum, each) => sum + (each.status === 'fulfilled' ? (each.value ?? 0) : 0), 0);
}
