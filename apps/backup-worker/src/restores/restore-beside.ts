import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { HozenError } from '@hozen/contracts';
import { connect, inspectCluster, sessionName, toolEnvironment, type TargetClient } from '@hozen/dbms';
import { failpoint, inSpan } from '@hozen/telemetry';
import type { ArtefactFile } from '../artefact/artefact-file.js';
import type { ProgressUpdate } from '../runs/progress-meter.js';
import type { CheckedTarget } from '../methods/postgres-logical/checked-target.js';
import { FLUSH, SESSION_OPTIONS, type ClusterRestore } from '../restore/cluster-restore.js';
import { restoreDatabase } from '../restore/restore-database.js';
import { sideBySide } from '../pipeline/side-by-side.js';
import { Slots } from '../pipeline/slots.js';
import { storedPart } from '../parts/stored-part.js';
import { bytesOf, largestFirst, onlyPart, storedDatabases, type StoredDatabase } from '../restore/restore-plan.js';
import { compareDatabase } from '../verification/compare-cluster.js';
import { turnsOf, type CopyReader } from '../verification/read-copy.js';
import { analyzeInStages, analyzeRoughly, type Analysis } from './analyze-in-stages.js';
import { runStatement } from './run-statement.js';
import { refreshCollations } from './refresh-collations.js';
import { isPartOf, type RestoredDatabase, type RestoreRow, type WantedDatabase } from './restore-row.js';
import { unmarkRoles } from './whole-cluster.js';
import { isOfDatabaseItself, storedDefinitions } from '../restore/stored-definitions.js';

/** Processes at a time where nobody knows how many the config of the backup had. */
const JOBS = 2;
const LOCK_WAIT_SECONDS = 60;

export interface BesideRestore {
  row: RestoreRow;
  file: ArtefactFile;
  target: CheckedTarget;
  spoolDir: string;
  /** Of the source. */
  jobs: number | null;
  signal: AbortSignal;
  progress: (update: ProgressUpdate) => void;
  /** @throws HozenError LEASE_LOST */
  ensureLease: () => void;
}

/** The name that a database has until it is whole and compared. Nobody else has such a one. */
export function nameBeside(row: RestoreRow, index: number): string {
  return `${prefixOf(row)}${row.epoch}_${index}`;
}

export function prefixOf({ id }: RestoreRow): string {
  return `hozen_${id.replaceAll('-', '')}_`;
}

/** Drops what attempts of this restore up to this one have left. A later one has names of its own. */
export async function dropLeftovers(client: TargetClient, row: RestoreRow): Promise<void> {
  const { rows } = await client.query<{ name: string }>(
    'SELECT datname AS name FROM pg_database WHERE starts_with(datname::text, $1)',
    [prefixOf(row)],
  );
  for (const { name } of rows) {
    if (Number(name.slice(prefixOf(row).length).split('_', 1)[0]) > Number(row.epoch)) continue;
    await client.query(`DROP DATABASE IF EXISTS ${client.escapeIdentifier(name)} WITH (FORCE)`);
  }
}

/** Which of the databases stand under their final names although this restore has none beside any more. */
export async function areOpened(client: TargetClient, row: RestoreRow): Promise<boolean> {
  const { rows } = await client.query<{ name: string }>('SELECT datname::text AS name FROM pg_database');
  const names = new Set(rows.map(({ name }) => name));
  const beside = [...names].some((name) => name.startsWith(prefixOf(row)));
  return !beside && row.databases.every(({ as }) => names.has(as));
}

/** Restores all wanted databases under names beside, side by side, and compares each with the backup. They are not opened yet. */
export async function restoreBeside(restore: BesideRestore): Promise<RestoredDatabase[]> {
  const { row, file, target } = restore;
  const stored = await wantedOf(file, row.databases);
  const applicationName = sessionName(row.id, Number(row.epoch));
  await using env = await toolEnvironment({ ...target.address, database: 'postgres' }, { applicationName });
  const jobs = restore.jobs ?? JOBS;
  const slots = new Slots(jobs);
  const wanted = row.databases.map((each, index) => {
    const database = stored[index];
    if (!database) throw new HozenError('NOT_FOUND', { what: 'database', id: each.name, list: 'runs' });
    return { ...database, into: each.into, beside: nameBeside(row, index) };
  });
  const progress = progressOfAll(wanted, restore.progress);
  const shared: ClusterRestore = {
    file,
    address: target.address,
    env: env.with({ PGOPTIONS: SESSION_OPTIONS.map((option) => `-c ${option}`).join(' ') }),
    tools: target.tools,
    jobs,
    slots,
    spoolDir: restore.spoolDir,
    tablespacesInPlace: false,
    applicationName,
    signal: restore.signal,
    onBytes: progress.restored,
  };
  const turns = turnsOf(slots);
  await sideBySide(largestFirst(wanted), jobs, restore.signal, async (database, signal) => {
    // Of its own: the same one may be wanted under two names.
    const spoolDir = join(restore.spoolDir, database.beside);
    await mkdir(spoolDir, { recursive: true, mode: 0o700 });
    const each = { ...restore, signal };
    const inside = { ...shared, signal, spoolDir };
    await restoreOne(each, inside, database, database.beside);
    progress.isRestored();
    // What goes into another database from here has its statistics there.
    if (database.into === undefined) await analyzeRoughly(analysisOf(each), { name: database.beside });
    await compare(each, inside, database, { turns, onBytes: progress.compared });
  });
  return restoredDatabases(file, row.databases);
}

/** As long as anything is restored, that is what is told: what is compared beside it shows in the end. */
function progressOfAll(databases: readonly StoredDatabase[], tell: BesideRestore['progress']) {
  const expectedBytes = databases.reduce((sum, database) => sum + bytesOf(database), 0);
  const done = { restoring: 0, comparing: 0 };
  let restoring = databases.length;
  return {
    restored: (more: number, item: string) =>
      tell({ phase: 'restoring', bytes: (done.restoring += more), expectedBytes, item }),
    isRestored: () => void (restoring -= 1),
    compared: (more: number, item: string) => {
      done.comparing += more;
      if (restoring === 0) tell({ phase: 'comparing', bytes: done.comparing, expectedBytes, item });
    },
  };
}

/** What a restore has brought when all its databases are there. */
export async function restoredDatabases(
  file: ArtefactFile,
  wanted: readonly WantedDatabase[],
): Promise<RestoredDatabase[]> {
  const stored = await wantedOf(file, wanted);
  return wanted.map(({ name, as }, index) => {
    const content = stored[index]?.part?.content ?? file.index.databases.find((each) => each.name === name);
    return { name, as, tables: content?.tables.length ?? 0 };
  });
}

/** What is stored of each wanted database, of the parts that are wanted. */
async function wantedOf(
  file: ArtefactFile,
  wanted: readonly WantedDatabase[],
): Promise<(StoredDatabase | undefined)[]> {
  const stored = new Map((await storedDatabases(file)).map((database) => [database.name, database]));
  const found: (StoredDatabase | undefined)[] = [];
  for (const { name, as: _, into: __, ...parts } of wanted) {
    const database = stored.get(name);
    const isPart = database && isPartOf(parts);
    found.push(isPart ? onlyPart(database, await storedPart(file, database.folder, parts)) : database);
  }
  return found;
}

async function restoreOne(
  restore: BesideRestore,
  shared: ClusterRestore,
  database: StoredDatabase,
  beside: string,
): Promise<void> {
  const { file, target, row } = restore;
  const [create] = await storedDefinitions(file, database.folder, ({ desc }) => desc === 'DATABASE');
  {
    await using client = await connect(target.address, { applicationName: sessionName(row.id, Number(row.epoch)) });
    await runStatement(client, createStatement(client, create?.defn ?? '', beside));
    if (create?.owner) {
      const [name, owner] = [client.escapeIdentifier(beside), client.escapeIdentifier(create.owner)];
      await runStatement(client, `ALTER DATABASE ${name} OWNER TO ${owner}`);
    }
  }
  await restoreDatabase(shared, { ...database, name: beside }, { create: false });
  await using inside = await connect(target.address, {
    applicationName: sessionName(row.id, Number(row.epoch)),
    database: beside,
  });
  await refreshCollations(inside, target.facts.versionNum);
  await runStatement(inside, FLUSH);
}

function analysisOf({ row, target, signal, progress }: BesideRestore): Analysis {
  return { address: target.address, applicationName: sessionName(row.id, Number(row.epoch)), signal, progress };
}

/**
 * Completes the statistics of what is open, or of the tables that were made where they came into a database that was there.
 * @returns warnings
 * @throws OutcomeUnknown, or what the signal says, when another worker is to go on
 */
export async function analyzeOpened(restore: BesideRestore): Promise<string[]> {
  const stored = await wantedOf(restore.file, restore.row.databases);
  const databases = restore.row.databases.map(({ as, into }, index) => {
    const tables = into === undefined ? undefined : stored[index]?.part?.content.tables;
    return { name: as, ...(tables ? { tables } : {}) };
  });
  return analyzeInStages(analysisOf(restore), databases);
}

/** As pg_dump defines it, encoding and locale and all, but under the name beside. */
function createStatement(client: TargetClient, defn: string, beside: string): string {
  const name = client.escapeIdentifier(beside);
  const statement = defn.replace(/^CREATE DATABASE (?:"(?:[^"]|"")*"|[^\s"]+)/, () => `CREATE DATABASE ${name}`);
  return statement === defn ? `CREATE DATABASE ${name} TEMPLATE template0` : statement;
}

async function compare(
  { file, row, target, signal }: BesideRestore,
  shared: ClusterRestore,
  database: StoredDatabase & { beside: string },
  reading: Pick<CopyReader, 'turns' | 'onBytes'>,
): Promise<void> {
  const { beside } = database;
  const { address } = target;
  await using client = await connect(address, { applicationName: sessionName(row.id, Number(row.epoch)) });
  const facts = await inspectCluster(client);
  const copy = facts.databases.find(({ name }) => name === beside);
  if (!copy) throw new HozenError('CONTENT_DIFFERS', { what: `database ${beside} is missing` });
  const differences = await compareDatabase(
    file,
    database.folder,
    copy,
    {
      job: {
        runId: row.id,
        epoch: Number(row.epoch),
        config: { jobs: shared.jobs, lockWaitSeconds: LOCK_WAIT_SECONDS },
      },
      scratch: { ...target, facts },
      env: shared.env,
      withoutUnlogged: false,
      signal,
      ...reading,
    },
    { counts: (entry) => !isOfDatabaseItself(entry), part: database.part },
  );
  if (differences.length > 0) {
    throw new HozenError('CONTENT_DIFFERS', { what: differences.slice(0, 5).join('; ') });
  }
}

/** What else is done with each database in the transaction that gives it its name. */
export interface SaidAround {
  before(wanted: WantedDatabase): string[];
  after(wanted: WantedDatabase): string[];
}

/**
 * Gives all databases their names in one transaction, with what is said of each database itself where it keeps its name.
 * @throws HozenError of the target: then none has its new name
 */
export async function openDatabases(
  { row, file, target, ensureLease }: BesideRestore,
  around: SaidAround = { before: () => [], after: () => [] },
): Promise<void> {
  await inSpan('open databases', {}, async () => {
    const stored = new Map((await storedDatabases(file)).map((database) => [database.name, database]));
    await using client = await connect(target.address, { applicationName: sessionName(row.id, Number(row.epoch)) });
    const statements: string[] = [];
    for (const [index, wanted] of row.databases.entries()) {
      statements.push(...around.before(wanted), renameStatement(client, nameBeside(row, index), wanted));
      const database = wanted.name === wanted.as ? stored.get(wanted.name) : undefined;
      const entries = database ? await storedDefinitions(file, database.folder, isOfDatabaseItself) : [];
      statements.push(...entries.filter(({ desc }) => desc !== 'DATABASE').map(({ defn }) => defn ?? ''));
      statements.push(...around.after(wanted));
    }
    if (row.whole) statements.push(...(await unmarkRoles(client, row, file)));
    ensureLease();
    await runStatement(client, ['BEGIN', ...statements.filter((sql) => sql.trim() !== ''), 'COMMIT'].join(';\n'));
    await failpoint('restore.opened');
  });
}

function renameStatement(client: TargetClient, beside: string, { as }: WantedDatabase): string {
  return `ALTER DATABASE ${client.escapeIdentifier(beside)} RENAME TO ${client.escapeIdentifier(as)}`;
}
