import { HozenError } from '@hozen/contracts';
import type { DatabaseFacts, ToolEnvironment } from '@hozen/dbms';
import { inSpan } from '@hozen/telemetry';
import type { DatabaseContent } from '../../artefact/artefact-index.js';
import type { ArtefactWriter } from '../../artefact/artefact-writer.js';
import type { BackupJob } from '../../job.js';
import { together, type ArchiveContent } from '../../pipeline/custom-format.js';
import { pourArchive, startTool, type StartedTool } from '../../pipeline/pour.js';
import { inLargePieces } from '../../pipeline/large-pieces.js';
import type { CheckedTarget } from './check-target.js';
import { DatabaseSnapshot } from './database-snapshot.js';
import type { DumpProgress } from './dump-progress.js';
import { planDatabase, type PlannedStream } from './plan-database.js';
import type { Slots } from '../../pipeline/slots.js';

/** What all databases of one dump share. */
export interface ClusterDump {
  job: BackupJob;
  target: CheckedTarget;
  env: ToolEnvironment;
  writer: ArtefactWriter;
  slots: Slots;
  progress: DumpProgress;
  /** Aborted when any part of the dump has failed: by {@link fail}, with the first failure. */
  signal: AbortSignal;
  fail: (error: unknown) => void;
  /** Tells that a process of the dump is running. */
  begun: () => void;
}

/**
 * Dumps one database, as it is at one moment, by several processes. The caller holds a slot for the first of them; it
 * is given back in any case.
 */
export async function dumpDatabase(
  dump: ClusterDump,
  database: DatabaseFacts,
  folder: string,
): Promise<DatabaseContent> {
  return inSpan('dump database', { attributes: { 'db.namespace': database.name } }, async () => {
    const { job, target, slots } = dump;
    let snapshot: DatabaseSnapshot;
    try {
      snapshot = await DatabaseSnapshot.open(job, target, database.name, dump);
    } catch (error) {
      slots.release();
      throw error;
    }
    try {
      const size = { totalBytes: target.facts.totals.bytes, jobs: job.config.jobs };
      const streams = planDatabase(database, folder, snapshot.tables, size);
      dump.progress.opened(database.name, streams);
      const contents = await dumpStreams(dump, database, snapshot.id, streams);
      await snapshot.release();
      return { folder, name: database.name, ...together(contents) };
    } finally {
      await snapshot.close();
    }
  });
}

/**
 * All processes are started at once, because each locks its tables then, but only as many as there are slots are read:
 * the others wait with a full pipe. One that started later might wait for its lock behind a DDL statement that itself
 * waits for our snapshot to end.
 */
async function dumpStreams(dump: ClusterDump, database: DatabaseFacts, snapshotId: string, streams: PlannedStream[]) {
  const dumps = streams.map(async (stream, index) => {
    try {
      const tool = await startDump(dump, database, snapshotId, stream);
      dump.begun();
      if (index > 0) await dump.slots.acquire();
      try {
        return await takeDump(dump, stream, tool);
      } finally {
        if (index > 0) dump.slots.release();
      }
    } catch (error) {
      const failure = asSnapshotLoss(error, dump);
      dump.fail(failure);
      throw failure;
    } finally {
      if (index === 0) dump.slots.release();
    }
  });
  // Every process is gone before the first failure is told.
  const ended = await Promise.allSettled(dumps);
  return ended.map((each) => {
    if (each.status === 'rejected') throw each.reason;
    return each.value;
  });
}

function startDump(
  { job, target, env, signal }: ClusterDump,
  database: DatabaseFacts,
  snapshotId: string,
  planned: PlannedStream,
): Promise<StartedTool> {
  return startTool({
    path: target.tools.path('pg_dump'),
    args: [
      '--format=custom',
      '--compress=0',
      '--no-password',
      `--snapshot=${snapshotId}`,
      `--lock-wait-timeout=${job.config.lockWaitSeconds * 1000}`,
      // Unlogged tables are empty on a standby, and cannot be read there.
      ...(target.facts.inRecovery ? ['--no-unlogged-table-data'] : []),
      ...planned.args,
    ],
    env: inLargePieces(env.forDatabase(database.name)),
    signal,
    attributes: { 'hozen.stream': planned.name, 'db.namespace': database.name },
  });
}

async function takeDump(
  { writer, progress }: ClusterDump,
  planned: PlannedStream,
  tool: StartedTool,
): Promise<ArchiveContent> {
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
