import type { MaintenanceThresholdsSpec, TargetVerdict } from '@hozen/contracts';
import { isLeftoverName } from './leftover-name.js';
import type { DatabaseDetails, DatabaseHealth, IndexFacts, TableFacts, TargetFacts } from './target-facts.js';

/** One thing worth knowing about a target. */
export interface Finding {
  /** Which rule found it; stable. */
  rule: string;
  severity: 'notice' | 'attention' | 'critical';
  database?: string;
  /** Schema-qualified. */
  object?: string;
  text: string;
}

const MEGABYTE = 1024 * 1024;
/** Fewer dead or changed rows than this cost nothing, whatever share of the table they are. */
const FEWEST_ROWS = 1_000;
const MILLION = 1_000_000;

/** Everything that stands out, by the given thresholds. Pure: the same facts give the same findings. */
export function findingsOf(facts: TargetFacts, thresholds: MaintenanceThresholdsSpec): Finding[] {
  return [
    ...serverFindings(facts, thresholds),
    ...sessionFindings(facts, thresholds),
    ...facts.databases.flatMap((database) => databaseFindings(database, thresholds)),
    ...facts.details.flatMap((details) => [
      ...details.tables.flatMap((table) => tableFindings(details, table, thresholds)),
      ...details.indexes.flatMap((index) => indexFindings(details, index, thresholds)),
      ...details.driftedCollations.map((object) => drift(details.name, object)),
    ]),
  ];
}

/** The worst finding decides. */
export function verdictOf(findings: readonly Finding[]): TargetVerdict {
  if (findings.some((finding) => finding.severity === 'critical')) return 'critical';
  return findings.some((finding) => finding.severity === 'attention') ? 'attention' : 'healthy';
}

export function isBloated(index: IndexFacts, thresholds: MaintenanceThresholdsSpec): boolean {
  return (
    index.valid &&
    index.bytes >= thresholds.indexBloatMinMegabytes * MEGABYTE &&
    (index.bloatPercent ?? 0) >= thresholds.indexBloatPercent
  );
}

export function hasManyDeadRows(table: TableFacts, thresholds: MaintenanceThresholdsSpec): boolean {
  const all = table.rows + table.deadRows;
  return table.deadRows >= FEWEST_ROWS && table.deadRows * 100 >= all * thresholds.deadRowsPercent;
}

function serverFindings(facts: TargetFacts, thresholds: MaintenanceThresholdsSpec): Finding[] {
  const found: Finding[] = [];
  const { server, connections, disk, settings } = facts;
  if (server.inRecovery)
    found.push(attention('in-recovery', 'the server is a standby or is recovering: it only reads'));
  if (server.archiving.lastFailedAt && server.archiving.lastFailedAt > (server.archiving.lastArchivedAt ?? '')) {
    found.push(attention('archiving', `archiving WAL fails since ${server.archiving.lastFailedAt}`));
  }
  if (connections.total * 100 >= connections.max * thresholds.connectionsPercent) {
    found.push(attention('connections', `${connections.total} of ${connections.max} connections are in use`));
  }
  if (disk && disk.freeBytes * 100 < disk.totalBytes * thresholds.diskFreePercent) {
    const free = Math.floor(disk.freeBytes / MEGABYTE);
    found.push(critical('disk', `only ${free} MB are free on the disk of ${disk.path}`));
  }
  for (const name of ['zero_damaged_pages', 'ignore_checksum_failure']) {
    if (settings[name] === 'on') found.push(critical('setting', `${name} is on: damage is passed over silently`));
  }
  for (const name of ['fsync', 'full_page_writes']) {
    if (settings[name] === 'off') found.push(critical('setting', `${name} is off: a crash may destroy the cluster`));
  }
  if (settings['autovacuum'] === 'off') found.push(attention('setting', 'autovacuum is off'));
  return found;
}

function sessionFindings(facts: TargetFacts, thresholds: MaintenanceThresholdsSpec): Finding[] {
  const limit = thresholds.longTransactionSeconds;
  return [
    ...facts.blocked.map(({ pid, blockedBy, seconds }) =>
      attention('blocked', `session ${pid} waits ${whole(seconds)} s for a lock of ${blockedBy.join(', ')}`),
    ),
    ...facts.server.longTransactions
      .filter((each) => each.seconds >= limit)
      .map(({ pid, seconds, user }) =>
        attention(
          'long-transaction',
          `session ${pid} of ${user ?? 'unknown'} has been in a transaction for ${whole(seconds)} s`,
        ),
      ),
    ...facts.preparedTransactions
      .filter((each) => each.seconds >= limit)
      .map(({ name, seconds, database }) => ({
        ...attention('prepared-transaction', `prepared transaction "${name}" is open for ${whole(seconds)} s`),
        database,
      })),
    ...facts.slots.flatMap(({ name, active, walStatus, retainedBytes }) => {
      if (walStatus === 'lost') return [attention('slot', `replication slot "${name}" has lost its WAL`)];
      const megabytes = Math.floor((retainedBytes ?? 0) / MEGABYTE);
      if (megabytes < thresholds.slotRetainedMegabytes) return [];
      return [
        attention(
          'slot',
          `replication slot "${name}" (${active ? 'active' : 'unused'}) holds back ${megabytes} MB of WAL`,
        ),
      ];
    }),
  ];
}

function databaseFindings(health: DatabaseHealth, thresholds: MaintenanceThresholdsSpec): Finding[] {
  const found: Finding[] = [];
  const { name: database, transactionAge, multixactAge } = health;
  if ((health.checksumFailures ?? 0) > 0) {
    found.push({ ...critical('checksum', `${health.checksumFailures} pages failed their checksum`), database });
  }
  const age = Math.max(transactionAge, multixactAge);
  if (age >= thresholds.wraparoundMillions * MILLION) {
    const text = `its oldest row is ${Math.floor(age / MILLION)} of 2,147 million transactions old`;
    found.push({
      ...(age >= 1_600 * MILLION ? critical('wraparound', text) : attention('wraparound', text)),
      database,
    });
  }
  if (health.actualCollationVersion !== null && health.actualCollationVersion !== health.collationVersion) {
    found.push(
      drift(database, `version ${health.collationVersion ?? 'unknown'}, now ${health.actualCollationVersion}`),
    );
  }
  if (health.isInvalid) {
    found.push({ ...attention('half-dropped', 'a DROP DATABASE was interrupted; it can only be dropped'), database });
  }
  return found;
}

function tableFindings(
  { name: database }: DatabaseDetails,
  table: TableFacts,
  thresholds: MaintenanceThresholdsSpec,
): Finding[] {
  const about = { database, object: `${table.schema}.${table.name}` };
  const found: Finding[] = [];
  if (hasManyDeadRows(table, thresholds)) {
    found.push({ ...attention('dead-rows', `${table.deadRows} dead rows beside ${table.rows} live ones`), ...about });
  }
  if (table.isCatalog || table.kind === 'partitioned table') return found;
  const stale =
    table.changedSinceAnalyze >= FEWEST_ROWS &&
    table.changedSinceAnalyze * 100 >= table.rows * thresholds.staleRowsPercent;
  if (stale || (!table.everAnalyzed && table.rows >= FEWEST_ROWS)) {
    const text = table.everAnalyzed
      ? `${table.changedSinceAnalyze} rows changed since it was analysed`
      : 'it was never analysed';
    found.push({ ...attention('stale-statistics', text), ...about });
  }
  if (table.transactionAge >= thresholds.wraparoundMillions * MILLION) {
    const millions = Math.floor(table.transactionAge / MILLION);
    found.push({ ...attention('wraparound', `its oldest row is ${millions} million transactions old`), ...about });
  }
  return found;
}

function indexFindings(
  { name: database }: DatabaseDetails,
  index: IndexFacts,
  thresholds: MaintenanceThresholdsSpec,
): Finding[] {
  const about = { database, object: `${index.schema}.${index.name}` };
  if (isBloated(index, thresholds)) {
    const megabytes = Math.floor(index.bytes / MEGABYTE);
    return [
      { ...attention('bloated-index', `about ${index.bloatPercent} % of its ${megabytes} MB are empty`), ...about },
    ];
  }
  if (index.valid) return [];
  if (index.builders.length > 0) {
    const text = `it is not valid, and session ${index.builders.join(', ')} works on its table: it is left alone`;
    return [{ rule: 'index-being-built', severity: 'notice', text, ...about }];
  }
  if (index.siblings.some((sibling) => isLeftoverName(index.name, sibling))) {
    const text = 'an interrupted REINDEX CONCURRENTLY left it; unless it is our own, drop it by hand';
    return [{ ...attention('left-over-index', text), ...about }];
  }
  return [{ ...attention('invalid-index', `it is not valid: queries do not use it (${index.kind})`), ...about }];
}

function drift(database: string, object: string): Finding {
  const text = 'the rules of its collation have changed: indexes over text may be wrong until they are rebuilt';
  return { ...critical('collation-drift', text), database, object };
}

function attention(rule: string, text: string): Finding {
  return { rule, severity: 'attention', text };
}

function critical(rule: string, text: string): Finding {
  return { rule, severity: 'critical', text };
}

function whole(seconds: number): number {
  return Math.round(seconds);
}
