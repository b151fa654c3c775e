import { type RestorePlanView, type RestoreStep } from '@hozen/contracts';
import { DUMP_RIGHTS, isAtLeast } from '@hozen/dbms';
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

/**
 * Databases have no number there. One that takes the place of another has none of its tables, so that the oldest is younger; tables
 * that come and go every hour change nothing.
 */
const OLDEST_TABLES = `
  SELECT table_schema AS name, CAST(min(unix_timestamp(create_time)) AS CHAR) AS identity
    FROM information_schema.tables
   WHERE table_schema IN (?) AND table_type IN ('BASE TABLE', 'SYSTEM VERSIONED') GROUP BY table_schema ORDER BY table_schema`;

/** What a restore would do that takes the place of databases of a MariaDB server. Changes nothing. */
export async function planMariadbInPlace(ground: MariadbPlanGround, manager: EntityManager): Promise<RestorePlanView> {
  const { facts, row, client } = ground;
  const plan = await planMariadb(ground);
  const names = row.databases.map(({ as }) => as);
  const pointing = await client.query<{ what: string }>(POINTING, [names, names]);
  const obstacles = [
    ...plan.obstacles,
    ...pointing.map(({ what }) => ({ kind: 'table-points' as const, what })),
    ...(isAtLeast(facts.version, ATOMIC)
      ? []
      : [{ kind: 'server-older' as const, what: `${facts.version} < ${ATOMIC}` }]),
  ];
  const oldest = await client.query<{ name: string; identity: string | null }>(OLDEST_TABLES, [names]);
  const identities = new Map(oldest.map(({ name, identity }) => [name, identity ?? '']));
  const there = facts.databases.map(({ name }) => ({ name, identity: identities.get(name) ?? '' }));
  const settings = {
    server: facts.systemIdentifier,
    there,
    fixed: [],
    steps: STEPS,
    method: 'mariadb-logical',
  } as const;
  return replacing({ ...plan, obstacles }, settings, manager);
}
