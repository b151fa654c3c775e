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

/** The plan as it is stored, as one column beside the columns of `run`, a row of backup_runs; null: it was deleted. */
export const STORED_PLAN = `(
  SELECT jsonb_build_object('config', config.spec, 'target', target.spec, 'servers', array(
           SELECT named.spec FROM backup_targets AS named
            WHERE target.spec -> 'servers' ? named.target_name ORDER BY named.target_name))
    FROM backup_configs AS config, backup_targets AS target
   WHERE config.id = run.config_id AND target.id = run.target_id)`;

interface StoredPlan {
  config: unknown;
  target: unknown;
  servers: unknown[];
}

/** A run that comes with its plan: what a worker that has just claimed it would ask for next. */
export type ClaimedRun = RunRow & { plan: StoredPlan | null };

/**
 * @throws HozenError CONFIG_UNKNOWN when it was deleted after the request was accepted; CONFIG_INVALID when the stored
 *   form is not what this version understands
 */
export function planOf({ plan, config_name: config }: Pick<ClaimedRun, 'plan' | 'config_name'>): RunPlan {
  if (!plan) throw new HozenError('CONFIG_UNKNOWN', { config });
  return {
    config: requireValid(ConfigSpec, plan.config, 'CONFIG_INVALID'),
    target: storedTarget(plan.target),
    servers: plan.servers.map(storedTarget),
  };
}

/** @throws HozenError as {@link planOf} */
export async function loadPlan(database: DataSource, run: RunRow): Promise<RunPlan> {
  const [row] = await database.query<Pick<ClaimedRun, 'plan'>[]>(
    `SELECT ${STORED_PLAN} AS plan FROM backup_runs AS run WHERE run.id = $1`,
    [run.id],
  );
  return planOf({ ...run, plan: row?.plan ?? null });
}
