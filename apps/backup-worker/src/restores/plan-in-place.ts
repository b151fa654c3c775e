import {
  RESTORE_STEPS,
  type BackupMethod,
  type RestoreObstacle,
  type RestorePlanView,
  type RestoreStep,
} from '@hozen/contracts';
import type { EntityManager } from 'typeorm';
import { planHash } from './plan-hash.js';
import { planRestore, type PlanGround } from './plan-restore.js';
import type { WantedDatabase } from './restore-row.js';

/** Dumps whole clusters: what is replaced is in its backup, whatever it is. */
const SAFETY_CONFIG = `
  SELECT config.config_name AS name
    FROM backup_configs AS config JOIN backup_targets AS target ON target.id = config.target_id
   WHERE target.target_name = $1 AND config.method = $2 AND config.backup_level = 'full'
     AND config.spec -> 'include' IS NULL AND config.spec -> 'exclude' IS NULL
   ORDER BY config.config_name LIMIT 1`;

/** Sessions of ours begin in the first one; the others cannot be renamed. */
const IRREPLACEABLE = ['postgres', 'template0', 'template1'];

/** What a restore would do that takes the place of databases, and everything that stands in its way. Changes nothing. */
export async function planInPlace(
  ground: PlanGround,
  wanted: readonly WantedDatabase[],
  manager: EntityManager,
): Promise<RestorePlanView> {
  const plan = await planRestore(ground, wanted);
  const { facts } = ground.target;
  return replacing(
    plan,
    {
      server: facts.systemIdentifier,
      there: facts.databases.map(({ name, oid }) => ({ name, identity: String(oid) })),
      fixed: IRREPLACEABLE,
      steps: RESTORE_STEPS,
      method: 'postgres-logical',
    },
    manager,
  );
}

export interface Replaced {
  /** Which server it is, whatever its address. */
  server: string;
  /** What is on the target now; another database of the same name has another identity. */
  there: readonly { name: string; identity: string }[];
  /** What cannot be replaced. */
  fixed: readonly string[];
  steps: readonly RestoreStep[];
  /** Of the backup that is made before. */
  method: BackupMethod;
}

/** A restore beside becomes one in place: what is there must be there, and a config must back it up before. */
export async function replacing(
  plan: RestorePlanView,
  { server, there, fixed, steps, method }: Replaced,
  manager: EntityManager,
): Promise<RestorePlanView> {
  const names = new Set(there.map(({ name }) => name));
  const replaces = plan.databases.map(({ as }) => as);
  const [config] = await manager.query<{ name: string }[]>(SAFETY_CONFIG, [plan.to.target, method]);
  const obstacle = (kind: RestoreObstacle, what: string) => ({ kind, what });
  const obstacles = [
    ...plan.obstacles.filter(({ kind }) => kind !== 'database-exists'),
    ...replaces.filter((name) => fixed.includes(name)).map((name) => obstacle('database-irreplaceable', name)),
    ...replaces.filter((name) => !names.has(name)).map((name) => obstacle('database-missing', name)),
    ...(config ? [] : [obstacle('safety-config-missing', plan.to.target)]),
  ];
  const whole: RestorePlanView = {
    ...plan,
    obstacles,
    inPlace: { replaces, safetyConfig: config?.name ?? '' },
    steps: [...steps],
  };
  const replaced = there.filter(({ name }) => replaces.includes(name)).map(({ name, identity }) => [name, identity]);
  return { ...whole, hash: hashOf(whole, [server, ...replaced]) };
}

/**
 * Of what is decided, and not of what only happens to be so: how long it may take, how large what is there is now. Which databases
 * go is decided: what has come in their place since was never agreed to be replaced.
 */
function hashOf(plan: RestorePlanView, replaced: readonly unknown[]): string {
  const { from, to, databases, inPlace, steps } = plan;
  return planHash(plan, [
    [from.target, from.version, to.target, to.version],
    databases.map(({ name, as, tables }) => [name, as, tables]),
    [inPlace?.replaces, inPlace?.safetyConfig, steps],
    replaced,
  ]);
}
