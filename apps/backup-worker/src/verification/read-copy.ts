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
import { sameColumns } from './compare-contents.js';

/** What all reading of one copy shares. */
export interface CopyReader {
  job: SessionOwner;
  scratch: CheckedTarget;
  env: ToolEnvironment;
  /** The backup has no contents of unlogged tables: it was taken from a standby. */
  withoutUnlogged: boolean;
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
  const reading = [
    readDump(reader, database.name, definitions, onDefinition),
    ...(rest ? [readDump(reader, database.name, rest)] : []),
    readTables(reader, database, snapshot.id, found),
  ] as const;
  await Promise.allSettled(reading);
  const [, ...contents] = await Promise.all(reading);
  return together(contents);
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
  const lanes = Array.from({ length: Math.min(job.config.jobs, waiting.length) }, async () => {
    await using client = await openReadingSession(job, scratch, database, snapshotId, tables, signal);
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      read.push(await readOne(reader, client, database.name, next));
    }
  });
  await Promise.allSettled(lanes);
  await Promise.all(lanes);
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
