import { warningText } from '@hozen/contracts';
import type { PlannedDatabase, RestoreObstacle, RestorePlanView } from '@hozen/contracts';
import type { TargetClient } from '@hozen/dbms';
import { postgresOf, type ManifestDatabase } from '../artefact/manifest.js';
import type { ArtefactFile } from '../artefact/artefact-file.js';
import { leftOutWarnings } from '../parts/dumped-part.js';
import { unrestorable } from '../parts/choose-entries.js';
import { storedPart, type StoredPart } from '../parts/stored-part.js';
import type { CheckedTarget } from '../methods/postgres-logical/checked-target.js';
import type { CommittedArtefact } from '../storage/committed-artefact.js';
import type { RestoreSource } from './find-source.js';
import { expectedSeconds, planHead } from './plan-head.js';
import { missingFor, Needs } from './missing-for.js';
import { roomForLocks } from './room-for-locks.js';
import { roleWarnings } from './role-warnings.js';
import { planRoles, wholeCluster } from './whole-cluster.js';
import { isPartOf, type WantedDatabase } from './restore-row.js';
import { databaseFindings, policyServer, roleFindings } from '../policy/postgres-findings.js';
import { trustIn } from '../policy/trust-in.js';
import { isBadAllowed, withPolicy, type Leave } from '../policy/with-policy.js';
import type { Finding, PolicyServer } from '../policy/findings.js';
import { storedDatabases } from '../restore/restore-plan.js';
import { eachDefinition } from '../restore/stored-definitions.js';

/** What a plan is made from: the artefact, and the server that it is to be restored into. */
export interface PlanGround {
  source: RestoreSource;
  artefact: CommittedArtefact;
  file: ArtefactFile;
  target: CheckedTarget;
  client: TargetClient;
  targetName: string;
  /** What the person who asks lets it bring. */
  allow: readonly string[];
}

type Obstacle = RestorePlanView['obstacles'][number];

/** What a restore would do, and everything that stands in its way. Changes nothing. */
export async function planRestore(ground: PlanGround, wanted: readonly WantedDatabase[]): Promise<RestorePlanView> {
  return planListed(ground, wanted, await policyServer(ground.client, ground.file));
}

async function planListed(
  ground: PlanGround,
  wanted: readonly WantedDatabase[],
  server: PolicyServer,
): Promise<RestorePlanView> {
  const { source, artefact, target, targetName } = ground;
  const { manifest } = artefact;
  const found = await findWanted(ground, wanted);
  const isFound = new Set(found.map(({ name }) => name));
  const obstacles: Obstacle[] = [
    ...wanted
      .filter(({ name }) => !found.some((each) => each.name === name))
      .map(({ name }) => obstacle('database-unknown', name)),
    ...wanted
      .filter(({ as }) => target.facts.databases.some((each) => each.name === as))
      .map(({ as }) => obstacle('database-exists', as)),
    ...(target.facts.major < postgresOf(manifest).major ? [obstacle('server-older', target.facts.version)] : []),
  ];
  // What is damaged can perhaps not be listed, and is not restored unless somebody says so.
  const isRefused = source.bad !== null && !isBadAllowed(source.bad.runId, ground.allow);
  const stored = isRefused ? [] : await storedDatabases(ground.file);
  const findings: Finding[] = [];
  for (const { name, folder, part } of found) {
    const needs = new Needs();
    const entries = needs.of(part?.kept ?? eachDefinition(ground.file, folder));
    const listed = stored.find((each) => each.folder === folder) ?? { folder, data: [] };
    findings.push(...(await databaseFindings(ground.file, { ...listed, name }, entries, server)));
    obstacles.push(...(await missingFor(ground.client, needs)));
    obstacles.push(...(await roomForLocks(ground.client, { name, tables: needs.tables })));
    if (part && artefact.manifest.sql) obstacles.push(obstacle('wrong-method', warningText('what.sql-whole')));
    obstacles.push(...(part?.unmatched ?? []).map((pattern) => obstacle('table-unknown', `${name}: ${pattern}`)));
  }
  const plan: RestorePlanView = {
    ...planHead(source, artefact),
    from: { version: postgresOf(manifest).version, target: manifest.target.name },
    to: { version: target.facts.version, target: targetName },
    databases: found.map(planned),
    obstacles: unique(obstacles),
    warnings: [
      ...found.filter(({ name, as }) => name !== as).map(({ name, as }) => renamedWarning(name, as)),
      ...(manifest.parts?.leftOut ?? []).filter(({ database }) => isFound.has(database)).flatMap(leftOutWarnings),
    ],
    ...expectedSeconds(source, artefact, found),
  };
  return withPolicy(plan, findings, leaveOf(ground));
}

function leaveOf({ source, artefact, allow }: PlanGround): Leave {
  return { source, trust: trustIn(source, artefact), allow };
}

/** The same of everything in the backup: with the roles that it makes. */
export async function planWhole(ground: PlanGround): Promise<RestorePlanView> {
  const { file, target, client } = ground;
  const server = await policyServer(client, file);
  const plan = await planListed(ground, await wholeCluster(file), server);
  const roles = await planRoles(file, target, client);
  const isMade = new Set(roles.create);
  const notInIt = ground.artefact.manifest.parts?.databases ?? [];
  const initial = plan.databases.filter(({ name, as }) => name !== as);
  const found = await roleFindings(file, roles.create, server);
  const whole: RestorePlanView = {
    ...plan,
    roles,
    obstacles: plan.obstacles.filter(({ kind, what }) => kind !== 'role-missing' || !isMade.has(what)),
    warnings: [
      ...plan.warnings,
      ...notInIt.map((name) => warningText('restore.not-in-backup', { name })),
      ...initial.map(({ name, as }) => warningText('restore.every-server-has', { name, as })),
      ...roleWarnings(roles),
    ],
  };
  return withPolicy(whole, found, leaveOf(ground));
}

interface FoundDatabase extends ManifestDatabase {
  as: string;
  part: StoredPart | undefined;
}

async function findWanted({ artefact, file }: PlanGround, wanted: readonly WantedDatabase[]): Promise<FoundDatabase[]> {
  const found: FoundDatabase[] = [];
  for (const { name, as, into: _, ...parts } of wanted) {
    const stored = artefact.manifest.databases.find((database) => database.name === name);
    if (!stored) continue;
    const part = isPartOf(parts) ? await storedPart(file, stored.folder, parts) : undefined;
    found.push({ ...stored, as, part });
  }
  return found;
}

/** Names of each kind that a plan has. */
const NAMED = 100;

function planned({ name, as, bytes, tables, part }: FoundDatabase): PlannedDatabase {
  if (!part) return { name, as, bytes, tables };
  const qualified = (each: { schema: string; name: string }) => `${each.schema}.${each.name}`;
  const { content, withoutRows } = part;
  return {
    name,
    as,
    bytes: content.tables.reduce((sum, each) => sum + each.bytes, 0),
    tables: content.tables.length,
    parts: {
      tables: content.tables.slice(0, NAMED).map(qualified),
      withoutRows: withoutRows.slice(0, NAMED).map(qualified),
      unrestorable: unrestorable(part).slice(0, NAMED),
    },
  };
}

export function renamedWarning(name: string, as: string): string {
  return warningText('restore.renamed', { name, as });
}

function obstacle(kind: RestoreObstacle, what: string): Obstacle {
  return { kind, what };
}

function unique(obstacles: Obstacle[]): Obstacle[] {
  return [...new Map(obstacles.map((each) => [JSON.stringify(each), each])).values()];
}
