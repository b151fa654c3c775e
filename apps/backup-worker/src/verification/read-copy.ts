import type { DatabaseFacts, TargetClient, ToolEnvironment } from '@hozen/dbms';
import type { TableContent } from '../artefact/artefact-index.js';
import type { SessionOwner } from '../job.js';
import type { CheckedTarget } from '../methods/postgres-logical/checked-target.js';
import { readTable } from '../methods/postgres-logical/copy-table.js';
import { DatabaseSnapshot } from '../methods/postgres-logical/database-snapshot.js';
import { exclude, planDatabase, type PlannedDump } from '../methods/postgres-logical/plan-database.js';
import { openReadingSession } from '../methods/postgres-logical/reading-session.js';
import { noLargeObjects, together, type StreamContents, type TakeEntry } from '../pipeline/custom-format.js';
import { inLargePieces } from '../pipeline/large-pieces.js';
import { pourArchive, startTool } from '../pipeline/pour.js';
import { Slots } from '../pipeline/slots.js';
import { sameColumns } from './compare-contents.js';

/** Who reads when, where several databases are compared side by side. */
export interface Turns {
  /** Of the sessions that read tables: as many as there are jobs. */
  tables: Slots;
  /** One database at a time: pg_dump locks all its tables at once, and a server has room for few locks. */
  dumps: Slots;
}

/** @param tables shared with others that work on the server */
export function turnsOf(tables: Slots): Turns {
  return { tables, dumps: new Slots(1) };
}

/** What all reading of one copy shares. */
export interface CopyReader {
  job: SessionOwner;
  scratch: CheckedTarget;
  env: ToolEnvironment;
  /** The backup has no contents of unlogged tables: it was taken from a standby. */
  withoutUnlogged: boolean;
  turns: Turns;
  signal: AbortSignal;
  onBytes: (bytes: number, item: string) => void;
}

/**
 * Reads a restored database back as the original was read.
 * @param backup its tables in the backup: those with a stream of their own are read by COPY here too
 * @param onDefinition hears of its definitions
 */
export async function readCopy(
  reader: CopyReader,
  database: DatabaseFacts,
  backup: readonly TableContent[],
  onDefinition: TakeEntry,
): Promise<StreamContents> {
  const { job, scratch, signal } = reader;
  await using snapshot = await DatabaseSnapshot.unlocked(job, scratch, database.name, signal);
  const standing = new Map(snapshot.tables.map((table) => [JSON.stringify([table.schema, table.name]), table]));
  const own = backup.flatMap((table) => {
    const twin = standing.get(JSON.stringify([table.schema, table.name]));
    return table.stream !== undefined && twin ? [{ table, twin }] : [];
  });
  const columns = await snapshot.columnsOf(own.map(({ twin }) => twin));
  const found = own.map(({ table, twin }) => ({ ...table, found: columns.get(twin.oid) ?? '' }));
  const { definitions, rest } = planDatabase(database, 'copy', snapshot.tables, [], new Map(), () =>
    found.map(exclude),
  );
  const dumps = reader.turns.dumps.use(async () => {
    const [, ...others] = await all([
      readDump(reader, database.name, definitions, onDefinition),
      ...(rest ? [readDump(reader, database.name, rest)] : []),
    ]);
    return others;
  });
  const tables = readTables(reader, database, snapshot.id, found);
  const read = await all([dumps, tables.then((each) => [each])]);
  return together(read.flat());
}

/** When the first of them fails, it waits for the others: they use what ends with them. */
async function all<T>(works: readonly Promise<T>[]): Promise<T[]> {
  await Promise.allSettled(works);
  return Promise.all(works);
}

interface WantedTable extends TableContent {
  /** Its columns in the copy. */
  found: string;
}

/** By as many sessions as the job may have. */
async function readTables(
  reader: CopyReader,
  database: DatabaseFacts,
  snapshotId: string,
  tables: readonly WantedTable[],
): Promise<StreamContents> {
  const { job, scratch, signal } = reader;
  const waiting = [...tables];
  const read: TableContent[] = [];
  const lane = async () => {
    if (waiting.length === 0) return;
    await using client = await openReadingSession(job, scratch, database, snapshotId, tables, signal);
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      read.push(await readOne(reader, client, database.name, next));
    }
  };
  await all(Array.from({ length: Math.min(job.config.jobs, waiting.length) }, () => reader.turns.tables.use(lane)));
  return { tables: read, sequences: [], largeObjects: noLargeObjects() };
}

async function readOne(
  { signal, onBytes }: CopyReader,
  client: TargetClient,
  database: string,
  { found, ...table }: WantedTable,
): Promise<TableContent> {
  // The comparison tells the difference by the columns alone.
  if (!sameColumns(table.columns, found)) return { ...table, columns: found };
  return readTable(client, table, { signal, onBytes: (bytes) => onBytes(bytes, database) });
}

async function readDump(
  reader: CopyReader,
  database: string,
  planned: PlannedDump,
  onEntry?: TakeEntry,
): Promise<StreamContents> {
  const { scratch, env, signal } = reader;
  const unlogged = reader.withoutUnlogged ? ['--no-unlogged-table-data'] : [];
  const tool = await startTool({
    path: scratch.tools.path('pg_dump'),
    args: ['--format=custom', '--compress=0', '--no-password', ...unlogged, ...planned.args],
    env: inLargePieces(env.forDatabase(database)),
    sandbox: {},
    signal,
    attributes: { 'db.namespace': database },
  });
  return pourArchive(tool, undefined, (bytes) => reader.onBytes(bytes, planned.item), onEntry);
}
