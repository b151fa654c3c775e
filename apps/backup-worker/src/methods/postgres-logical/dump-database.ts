import { join } from 'node:path';
import { HozenError } from '@hozen/contracts';
import { sessionName, type DatabaseFacts, type TargetClient } from '@hozen/dbms';
import { inSpan } from '@hozen/telemetry';
import type { DatabaseContent, TableContent } from '../../artefact/artefact-index.js';
import type { ArtefactWriter } from '../../artefact/artefact-writer.js';
import type { ManifestLeftOut } from '../../artefact/manifest.js';
import type { BackupJob } from '../../job.js';
import { DumpedPart } from '../../parts/dumped-part.js';
import { hasAny } from '../../parts/server-parts.js';
import { noLargeObjects, together, type StreamContents } from '../../pipeline/custom-format.js';
import { pourArchive, type StartedTool } from '../../pipeline/pour.js';
import { namingBlockers } from './blockers.js';
import type { TargetToDump } from './dump-ahead.js';
import { DatabaseSnapshot } from './database-snapshot.js';
import type { DumpProgress } from './dump-progress.js';
import { copyTable } from './copy-table.js';
import { largeTables, planDatabase, type DatabasePlan, type PlannedDump, type PlannedTable } from './plan-database.js';
import { openReadingSession } from './reading-session.js';
import { startDump, type DumpPrograms } from './start-dump.js';
import type { Slots } from '../../pipeline/slots.js';

/** What all databases of one dump share. */
export interface ClusterDump extends DumpPrograms {
  job: BackupJob;
  target: TargetToDump;
  writer: ArtefactWriter;
  slots: Slots;
  progress: DumpProgress;
  /** What of databases is left out is added here. */
  leftOut: ManifestLeftOut[];
  /** Aborted when any part of the dump has failed: by {@link fail}, with the first failure. */
  signal: AbortSignal;
  fail: (error: unknown) => void;
  /** Tells that a process of the dump is running. */
  begun: () => void;
}

/** What belongs to one database of it. */
interface DatabaseDump extends ClusterDump {
  database: DatabaseFacts;
  snapshotId: string;
  /** Where not all of it is dumped. */
  part: DumpedPart | undefined;
  /** The program that dumps its definitions, where it was started ahead. */
  definitions: Promise<StartedTool> | undefined;
}

/**
 * Dumps one database, as it is at one moment: definitions and everything small by pg_dump, large tables by COPY over
 * connections of our own, side by side. The caller holds a slot for the first of them; it is given back in any case.
 */
export async function dumpDatabase(
  dump: ClusterDump,
  database: DatabaseFacts,
  folder: string,
): Promise<DatabaseContent> {
  return inSpan('dump database', { attributes: { 'db.namespace': database.name } }, async () => {
    const { job, target, slots } = dump;
    const firstSlot = once(() => slots.release());
    const ahead = target.ahead?.take(database.name, dump.signal);
    try {
      await using snapshot = await DatabaseSnapshot.open(job, target, database.name, dump, ahead?.snapshot).catch(
        async (error: unknown) => Promise.reject(await namingLocks(error, dump, database)),
      );
      const part = await partOf(dump, database, snapshot);
      const plan = await planOf(dump, database, folder, snapshot, part);
      const streams = [plan.definitions, ...(plan.rest ? [plan.rest] : []), ...plan.tables.map(asStream)];
      dump.progress.opened(database.name, streams);
      const definitions = ahead?.definitions;
      const content = await dumpAll({ ...dump, database, snapshotId: snapshot.id, part, definitions }, plan, firstSlot);
      await snapshot.release();
      if (part) dump.leftOut.push(part.leftOut());
      return { folder, name: database.name, ...content };
    } finally {
      firstSlot();
      await ahead?.discard();
    }
  });
}

async function partOf(
  { target }: ClusterDump,
  { name }: DatabaseFacts,
  snapshot: DatabaseSnapshot,
): Promise<DumpedPart | undefined> {
  const patterns = target.parts?.scopes.patternsIn(name);
  return patterns && hasAny(patterns) ? new DumpedPart(name, await snapshot.part(patterns)) : undefined;
}

/** What is read side by side, or one after the other. @param part of it, where not all is wanted */
export async function planOf(
  { target }: Pick<ClusterDump, 'target'>,
  database: DatabaseFacts,
  folder: string,
  snapshot: DatabaseSnapshot,
  part?: DumpedPart,
): Promise<DatabasePlan> {
  const tables = part ? part.withRows(snapshot.tables) : snapshot.tables;
  // Unlogged tables are empty on a standby, and cannot be read there.
  const readable = tables.filter((table) => !(table.unlogged && target.facts.inRecovery));
  const large = largeTables(readable, database);
  const columns = await snapshot.columnsOf(large);
  return planDatabase(database, folder, tables, large, columns, part?.restArguments(database.encoding));
}

/**
 * All processes and sessions are started at once, because each locks its tables then, but only as many as there are
 * slots are read. One that started later might wait for its lock behind a DDL statement that itself waits for our
 * snapshot to end.
 */
async function dumpAll(dump: DatabaseDump, plan: DatabasePlan, firstSlot: () => void): Promise<DumpedContent> {
  const waiting = [...plan.tables];
  const readers = Math.min(dump.job.config.jobs, waiting.length);
  const parts = [
    pgDump(dump, plan.definitions, dump.definitions, () => Promise.resolve(firstSlot), takeDefinitions),
    ...(plan.rest ? [pgDump(dump, plan.rest, undefined, () => takeSlot(dump), takeDump)] : []),
    ...Array.from({ length: readers }, () => copyTables(dump, plan.tables, waiting)),
  ].map((part) => part.catch(async (error: unknown) => Promise.reject(await failed(dump, error))));
  // Every process is gone before the first failure is told.
  await Promise.allSettled(parts);
  const content = together(await Promise.all(parts));
  return dump.part ? { ...content, ...dump.part.ended(content) } : content;
}

type DumpedContent = StreamContents & Pick<DatabaseContent, 'withoutRows'>;

/** @returns gives it back */
async function takeSlot({ slots }: ClusterDump): Promise<() => void> {
  await slots.acquire();
  return once(() => slots.release());
}

async function failed(dump: DatabaseDump, error: unknown): Promise<Error> {
  const failure = await namingLocks(asSnapshotLoss(error, dump), dump, dump.database);
  dump.fail(failure);
  return failure;
}

/** With who holds the lock, where one was waited for too long. */
export async function namingLocks(
  error: unknown,
  { job, target, signal }: ClusterDump,
  { name }: DatabaseFacts,
): Promise<Error> {
  const named = signal.aborted
    ? error
    : await namingBlockers(error, target.address, name, sessionName(job.runId, job.epoch));
  return named instanceof Error ? named : new Error(String(named));
}

async function pgDump(
  dump: DatabaseDump,
  planned: PlannedDump,
  started: Promise<StartedTool> | undefined,
  slot: () => Promise<() => void>,
  take: typeof takeDump,
): Promise<StreamContents> {
  const { snapshotId } = dump;
  const tool = await (started ?? startDump(dump, { database: dump.database.name, snapshotId, planned }));
  dump.begun();
  const release = await slot();
  try {
    return await take(dump, planned, tool);
  } finally {
    release();
  }
}

/** Reads tables from `waiting`, the next largest each time, until none is left. */
async function copyTables(
  dump: DatabaseDump,
  all: readonly PlannedTable[],
  waiting: PlannedTable[],
): Promise<StreamContents> {
  const { job, target, database, snapshotId } = dump;
  await using client = await openReadingSession(job, target, database, snapshotId, all, dump.signal);
  const release = await takeSlot(dump);
  try {
    const tables: TableContent[] = [];
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      dump.signal.throwIfAborted();
      tables.push(await copyOne(dump, client, next));
    }
    return { tables, sequences: [], largeObjects: noLargeObjects() };
  } finally {
    release();
  }
}

function copyOne(dump: DatabaseDump, client: TargetClient, table: PlannedTable): Promise<TableContent> {
  const { writer, progress, signal, database } = dump;
  return inSpan(
    'copy table',
    { attributes: { 'hozen.stream': table.stream, 'db.namespace': database.name } },
    async () => {
      const stream = writer.openStream(table.stream);
      const content = await copyTable(client, table, stream, {
        signal,
        encoding: database.encoding,
        onBytes: (bytes) => progress.read(table.stream, table.item, bytes),
      });
      await writer.endStream(stream);
      progress.ended(table.stream);
      return content;
    },
  );
}

function asStream({ stream, bytes }: PlannedTable) {
  return { name: stream, bytes };
}

function once(work: () => void): () => void {
  let done = false;
  return () => {
    if (!done) work();
    done = true;
  };
}

/** Of a part: all of them come, and those of the part are written. */
async function takeDefinitions(dump: DatabaseDump, planned: PlannedDump, tool: StartedTool): Promise<StreamContents> {
  const { part, writer, progress, job } = dump;
  if (!part) return takeDump(dump, planned, tool);
  const stream = writer.openStream(planned.name);
  const spooled = join(job.spoolDir, planned.name.replaceAll('/', '-'));
  const content = await part.takeDefinitions(tool, stream, spooled, (bytes) =>
    progress.read(planned.name, planned.item, bytes),
  );
  await writer.endStream(stream);
  progress.ended(planned.name);
  return content;
}

async function takeDump(
  { writer, progress }: DatabaseDump,
  planned: PlannedDump,
  tool: StartedTool,
): Promise<StreamContents> {
  const stream = writer.openStream(planned.name);
  const content = await pourArchive(tool, stream, (bytes) => progress.read(planned.name, planned.item, bytes));
  await writer.endStream(stream);
  progress.ended(planned.name);
  return content;
}

/** A snapshot that cannot be taken over any more: the session that holds it was lost. */
function asSnapshotLoss(error: unknown, { target }: ClusterDump): unknown {
  const detail = error instanceof HozenError && error.code === 'TOOL_FAILED' ? (error.detail ?? '') : '';
  if (!/invalid snapshot identifier|could not import the requested snapshot/.test(detail)) return error;
  return new HozenError('TARGET_CONNECTION_LOST', { target: target.address.target }, { detail, cause: error });
}
