import { warningText } from '@hozen/contracts';
import type { RestorePlanView } from '@hozen/contracts';
import {
  FLAVOUR_NAMES,
  isAtLeast,
  seriesOf,
  type MariadbClient,
  type MariadbFacts,
  type ServerKind,
} from '@hozen/dbms';
import { kindOf } from '../artefact/manifest.js';
import type { ArtefactFile } from '../artefact/artefact-file.js';
import type { Finding } from '../policy/findings.js';
import { findingsForServer, privilegedAccounts } from '../policy/mariadb/dump-findings.js';
import { storedAccounts, type StoredAccount } from '../restore/account-statements.js';
import { isListed, notListable, trustIn } from '../policy/trust-in.js';
import { withPolicy, type Leave } from '../policy/with-policy.js';
import type { CommittedArtefact } from '../storage/committed-artefact.js';
import type { RestoreSource } from './find-source.js';
import { planAccounts } from './mariadb-accounts.js';
import { expectedSeconds, planHead } from './plan-head.js';
import type { WantedDatabase } from './restore-row.js';
import { roleWarnings } from './role-warnings.js';

export interface MariadbPlanGround {
  source: RestoreSource;
  artefact: CommittedArtefact;
  file: ArtefactFile;
  client: MariadbClient;
  /** Of the server that is restored into. */
  facts: MariadbFacts;
  row: { databases: readonly WantedDatabase[]; whole?: boolean; target_name: string; allow: readonly string[] };
  signal?: AbortSignal;
}

/** What a restore into a MariaDB or MySQL server would do, and everything that stands in its way. Changes nothing. */
export async function planMariadb(ground: MariadbPlanGround): Promise<RestorePlanView> {
  return withFindings(ground, mariadbPlanOf(ground), []);
}

/** What is made of all that a dump holds. */
export interface WholeMariadbPlan {
  view: RestorePlanView;
  /** Accounts that are made. */
  accounts: StoredAccount[];
}

/** The same of everything in the dump: with the accounts that it makes. */
export async function planWholeMariadb(ground: MariadbPlanGround): Promise<WholeMariadbPlan> {
  const { client, file, artefact, row } = ground;
  const databases = databasesOf(artefact);
  const plan = mariadbPlanOf({ ...ground, row: { ...row, databases } });
  const { create, roles, obstacles } = await planAccounts(client, await storedAccounts(file));
  const whole: RestorePlanView = {
    ...plan,
    roles,
    obstacles: [...plan.obstacles, ...obstacles],
    warnings: [...plan.warnings, ...roleWarnings(roles)],
  };
  return { view: await withFindings(ground, whole, create), accounts: create };
}

/** All databases of a dump, each under its name. */
export function databasesOf({ manifest }: CommittedArtefact): WantedDatabase[] {
  return manifest.databases.map(({ name }) => ({ name, as: name }));
}

async function withFindings(
  ground: MariadbPlanGround,
  plan: RestorePlanView,
  accounts: readonly StoredAccount[],
): Promise<RestorePlanView> {
  const { source, artefact, row } = ground;
  const leave = { source, trust: trustIn(source, artefact), allow: row.allow };
  return withPolicy(plan, await findingsIn(ground, plan, leave, accounts), leave);
}

async function findingsIn(
  { artefact, file, client, signal }: MariadbPlanGround,
  { databases }: RestorePlanView,
  leave: Leave,
  accounts: readonly StoredAccount[],
): Promise<Finding[]> {
  if (!isListed(artefact, leave)) return [notListable(artefact)];
  const executed = { file, databases: databases.map(({ name }) => name), accounts };
  return findingsForServer(executed, await privilegedAccounts(client), signal);
}

/** All of it but what the backup would bring. */
export function mariadbPlanOf({
  source,
  artefact,
  facts,
  row,
}: Pick<MariadbPlanGround, 'source' | 'artefact' | 'facts' | 'row'>): RestorePlanView {
  const { manifest } = artefact;
  const version = manifest.mariadb?.version ?? '';
  const found = row.databases.flatMap(({ name, as }) => {
    const stored = manifest.databases.find((database) => database.name === name);
    return stored ? [{ name, as, bytes: stored.bytes, tables: stored.tables }] : [];
  });
  const unknown = row.databases.filter(({ name }) => !found.some((each) => each.name === name));
  const existing = row.databases.filter(({ as }) => facts.databases.some((each) => each.name === as));
  return {
    ...planHead(source, artefact),
    from: { version, target: manifest.target.name },
    to: { version: facts.version, target: row.target_name },
    databases: found,
    obstacles: [
      ...unknown.map(({ name }) => ({ kind: 'database-unknown' as const, what: name })),
      ...existing.map(({ as }) => ({ kind: 'database-exists' as const, what: as })),
      ...unsuitable(facts, kindOf(manifest)),
    ],
    warnings: [
      ...(row.whole ? [] : [warningText('restore.users-not-restored')]),
      ...(seriesOf(facts.version) === seriesOf(version) ? [] : [warningText('restore.other-series')]),
      ...(facts.lowerCaseTableNames === manifest.mariadb?.lowerCaseTableNames
        ? []
        : [warningText('restore.other-case')]),
    ],
    ...expectedSeconds(source, artefact, found),
  };
}

/** They parted long ago: types, collations and users of the one are unknown to the other. */
function unsuitable(to: ServerKind, from: ServerKind): RestorePlanView['obstacles'] {
  if (to.flavour !== from.flavour) {
    const names = { from: FLAVOUR_NAMES[from.flavour], to: FLAVOUR_NAMES[to.flavour] };
    return [{ kind: 'wrong-method', what: warningText('what.other-flavour', names) }];
  }
  return isAtLeast(to.version, from.version) ? [] : [{ kind: 'server-older', what: to.version }];
}
