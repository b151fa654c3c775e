import type { MaintenanceStepKind, MaintenanceThresholdsSpec } from '@hozen/contracts';
import { escapeIdentifier } from 'pg';
import { hasManyDeadRows, isBloated } from './findings.js';
import { isLeftoverName } from './leftover-name.js';
import type { DatabaseDetails, IndexFacts, TableFacts, TargetFacts } from './target-facts.js';

/** One thing to do, and why. */
export interface PlannedStep {
  kind: MaintenanceStepKind;
  database: string;
  schema: string;
  name: string;
  reason: string;
  statement: string;
}

export interface MaintenancePlan {
  /** In the order of the work: tables before the indexes on them, so that a rebuild reads no dead rows. */
  steps: PlannedStep[];
  /** Why what was asked for cannot be done at all; with any of them nothing is begun. */
  obstacles: string[];
}

/**
 * What is to be done to optimise the named databases. Pure: the same facts give the same plan. Every table of theirs is
 * vacuumed and analysed; an index is rebuilt only with a reason, and never one that somebody else is building or that
 * somebody else's rebuild left behind.
 */
export function planOf(
  facts: TargetFacts,
  databases: readonly string[],
  thresholds: MaintenanceThresholdsSpec,
): MaintenancePlan {
  const details = facts.details.filter(({ name }) => databases.includes(name));
  const obstacles = [
    ...(facts.server.inRecovery ? ['the server is a standby or is recovering; name its primary as the target'] : []),
    ...databases.flatMap((name) => obstaclesOf(facts, name)),
    ...details.flatMap((each) => missingRights(each, thresholds)),
  ];
  const steps = details.flatMap((each) => [
    ...each.tables.flatMap((table) => tableSteps(each.name, table, facts.server.major, thresholds)),
    ...each.indexes.flatMap((index) => indexSteps(each.name, index, thresholds)),
  ]);
  return { steps, obstacles };
}

function obstaclesOf({ databases, details }: TargetFacts, name: string): string[] {
  const database = databases.find((each) => each.name === name);
  if (!database) return [`there is no database "${name}"`];
  if (database.isInvalid) return [`database "${name}" was half dropped; all that can be done is to drop it`];
  if (!database.allowConnections) return [`database "${name}" is closed to connections, and is not touched`];
  return details.some((each) => each.name === name) ? [] : [`database "${name}" could not be looked at`];
}

/** The server would pass over these with a warning, and the maintenance would be called complete. */
function missingRights(details: DatabaseDetails, thresholds: MaintenanceThresholdsSpec): string[] {
  const tables = details.tables.filter((table) => isWanted(table, thresholds) && !table.maintainable);
  const indexes = details.indexes.filter(
    (index) => reasonToRebuild(index, thresholds) !== undefined && !index.maintainable,
  );
  const names = [...tables, ...indexes].map(({ schema, name }) => `${schema}.${name}`);
  if (names.length === 0) return [];
  const shown = names.slice(0, 5).join(', ') + (names.length > 5 ? ` and ${names.length - 5} more` : '');
  return [`the user may not maintain ${shown} in database "${details.name}"`];
}

function isWanted(table: TableFacts, thresholds: MaintenanceThresholdsSpec): boolean {
  return !table.isCatalog || (table.maintainable && hasManyDeadRows(table, thresholds));
}

function tableSteps(
  database: string,
  table: TableFacts,
  major: number,
  thresholds: MaintenanceThresholdsSpec,
): PlannedStep[] {
  if (!isWanted(table, thresholds)) return [];
  const about = { database, schema: table.schema, name: table.name };
  const qualified = qualifiedName(table);
  if (table.kind === 'partitioned table') {
    // Autovacuum never analyses the whole. Its partitions have steps of their own; ONLY came with 18.
    const statement = `ANALYZE ${major >= 18 ? 'ONLY ' : ''}${qualified}`;
    return [{ ...about, kind: 'analyze', reason: 'statistics of all partitions together', statement }];
  }
  const reason = hasManyDeadRows(table, thresholds)
    ? `${table.deadRows} dead rows beside ${table.rows} live ones`
    : 'part of the databases to be optimised';
  return [{ ...about, kind: 'vacuum', reason, statement: `VACUUM (ANALYZE) ${qualified}` }];
}

function indexSteps(database: string, index: IndexFacts, thresholds: MaintenanceThresholdsSpec): PlannedStep[] {
  const reason = reasonToRebuild(index, thresholds);
  if (reason === undefined) return [];
  const statement = `REINDEX INDEX CONCURRENTLY ${qualifiedName(index)}`;
  return [{ database, schema: index.schema, name: index.name, kind: 'reindex', reason, statement }];
}

/** Only plain indexes: the server refuses to rebuild the index of an exclusion constraint while its table is in use. */
function reasonToRebuild(index: IndexFacts, thresholds: MaintenanceThresholdsSpec): string | undefined {
  if (index.kind !== 'index' || index.builders.length > 0) return undefined;
  if (isBloated(index, thresholds)) return `about ${index.bloatPercent} % of it are empty`;
  if (index.valid || index.siblings.some((sibling) => isLeftoverName(index.name, sibling))) return undefined;
  return 'it is not valid';
}

function qualifiedName({ schema, name }: { schema: string; name: string }): string {
  return `${escapeIdentifier(schema)}.${escapeIdentifier(name)}`;
}
