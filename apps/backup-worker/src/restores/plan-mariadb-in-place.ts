import { type RestorePlanView, type RestoreStep } from '@hozen/contracts';
import { DUMP_RIGHTS, isAtLeast, type MariadbClient } from '@hozen/dbms';
import type { EntityManager } from 'typeorm';
import { replacing } from './plan-in-place.js';
import { planMariadb, type MariadbPlanGround } from './plan-mariadb.js';

/** To end sessions, and to keep everybody else from writing. */
export const IN_PLACE_RIGHTS = [...DUMP_RIGHTS, 'CREATE', 'DROP', 'ALTER', 'CONNECTION ADMIN', 'READ_ONLY ADMIN'];

/** Renames several tables, or none, even when it dies. */
const ATOMIC = '10.6';

const STEPS: readonly RestoreStep[] = ['safety-backup', 'restore', 'compare', 'close', 'swap', 'open'];

/** Tables in other databases that point to ours would follow what is replaced. */
const POINTING = `
  SELECT concat(constraint_schema, '.', table_name, ' → ', unique_constraint_schema, '.', referenced_table_name) AS what
    FROM information_schema.referential_constraints
   WHERE constraint_schema <> unique_constraint_schema
     AND (unique_constraint_schema IN (?) OR constraint_schema IN (?)) ORDER BY 1`;

/** What a restore would do that takes the place of databases of a MariaDB server. Changes nothing. */
export async function planMariadbInPlace(
  ground: MariadbPlanGround,
  client: MariadbClient,
  manager: EntityManager,
): Promise<RestorePlanView> {
  const { facts, row } = ground;
  const plan = planMariadb(ground);
  const names = row.databases.map(({ as }) => as);
  const pointing = await client.query<{ what: string }>(POINTING, [names, names]);
  const obstacles = [
    ...plan.obstacles,
    ...pointing.map(({ what }) => ({ kind: 'table-points' as const, what })),
    ...(isAtLeast(facts.version, ATOMIC)
      ? []
      : [{ kind: 'server-older' as const, what: `${facts.version} < ${ATOMIC}` }]),
  ];
  const settings = { there: facts.databases, fixed: [], steps: STEPS, method: 'mariadb-logical' } as const;
  return replacing({ ...plan, obstacles }, settings, manager);
}
