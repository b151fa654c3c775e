import { ConfigSpec, HozenError, requireValid, type AnyTargetSpec } from '@hozen/contracts';
import type { DataSource } from 'typeorm';
import type { RunRow } from '../store/entities.js';
import { storedTarget } from '../store/stored-target.js';

/** What a run needs of its config and target, as they are now. The target is the one it was accepted for and locks. */
export interface RunPlan {
  config: ConfigSpec;
  target: AnyTargetSpec;
  /** Other targets that this one names. */
  servers: AnyTargetSpec[];
}

const LOAD_PLAN = `
  SELECT config.spec AS config, target.spec AS target,
         array(SELECT named.spec FROM backup_targets AS named
                WHERE target.spec -> 'servers' ? named.target_name ORDER BY named.target_name) AS servers
    FROM backup_configs AS config, backup_targets AS target
   WHERE config.id = $1 AND target.id = $2`;

/**
 * @throws HozenError CONFIG_UNKNOWN when it was deleted after the request was accepted; CONFIG_INVALID when the stored
 *   form is not what this version understands
 */
export async function loadPlan(database: DataSource, run: RunRow): Promise<RunPlan> {
  const parameters = [run.config_id, run.target_id];
  const [row] = await database.query<{ config: unknown; target: unknown; servers: unknown[] }[]>(LOAD_PLAN, parameters);
  if (!row) throw new HozenError('CONFIG_UNKNOWN', { config: run.config_name });
  return {
    config: requireValid(ConfigSpec, row.config, 'CONFIG_INVALID'),
    target: storedTarget(row.target),
    servers: row.servers.map(storedTarget),
  };
}
