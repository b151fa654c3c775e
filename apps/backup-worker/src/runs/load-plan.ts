import { ConfigSpec, HozenError, TargetSpec, validate } from '@hozen/contracts';
import type { DataSource } from 'typeorm';
import type { RunRow } from '../store/entities.js';

/** What a run needs of its config and target, as they are now. */
export interface RunPlan {
  config: ConfigSpec;
  target: TargetSpec;
}

const LOAD_PLAN = `
  SELECT config.spec AS config, target.spec AS target
    FROM backup_configs AS config JOIN backup_targets AS target ON target.id = config.target_id
   WHERE config.id = $1`;

/**
 * @throws HozenError CONFIG_UNKNOWN when it was deleted after the request was accepted; CONFIG_INVALID when the stored
 *   form is not what this version understands
 */
export async function loadPlan(database: DataSource, run: RunRow): Promise<RunPlan> {
  const [row] = await database.query<{ config: unknown; target: unknown }[]>(LOAD_PLAN, [run.config_id]);
  if (!row) throw new HozenError('CONFIG_UNKNOWN', { config: run.config_name });
  return { config: checked(ConfigSpec, row.config), target: checked(TargetSpec, row.target) };
}

function checked<T extends object>(contract: new () => T, stored: unknown): T {
  const result = validate(contract, stored);
  if (result.ok) return result.value;
  const detail = result.reasons.map((reason) => `${reason.field}: ${reason.message}`).join('; ');
  throw new HozenError('CONFIG_INVALID', {}, { detail });
}
