import { runTool, type DatabaseFacts, type ToolEnvironment } from '@hozen/dbms';
import { inSpan } from '@hozen/telemetry';
import type { DatabaseContent } from '../../artefact/artefact-index.js';
import type { ArtefactWriter } from '../../artefact/artefact-writer.js';
import type { BackupJob } from '../../job.js';
import type { ArchiveContent } from '../../pipeline/custom-format.js';
import { pourArchive } from '../../pipeline/pour.js';
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
      snapshot = await DatabaseSnapshot.open(job, target, database.name, dump.signal);
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
      return contentOf(database, folder, contents);
    } finally {
      await snapshot.close();
    }
  });
}

async function dumpStreams(dump: ClusterDump, database: DatabaseFacts, snapshotId: string, streams: PlannedStream[]) {
  const dumps = streams.map(async (stream, index) => {
    if (index > 0) await dump.slots.acquire();
    try {
      return await dumpStream(dump, database, snapshotId, stream);
    } catch (error) {
      dump.fail(error);
      throw error;
    } finally {
      dump.slots.release();
    }
  });
  // Every process is gone before the first failure is told.
  const ended = await Promise.allSettled(dumps);
  return ended.map((each) => {
    if (each.status === 'rejected') throw each.reason;
    return each.value;
  });
}

async function dumpStream(
  dump: ClusterDump,
  database: DatabaseFacts,
  snapshotId: string,
  planned: PlannedStream,
): Promise<ArchiveContent> {
  const { job, target, env, writer, progress, signal } = dump;
  const tool = runTool({
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
  const stream = writer.openStream(planned.name);
  const content = await pourArchive(tool, stream, (bytes) => progress.read(planned.name, planned.item, bytes));
  await writer.endStream(stream);
  progress.ended(planned.name);
  return content;
}

function contentOf(database: DatabaseFacts, folder: string, contents: ArchiveContent[]): DatabaseContent {
  // Large objects are in one stream only: that of everything that is no large table.
  const [none] = contents;
  const largeObjects = contents.find((content) => content.largeObjects.count > 0)?.largeObjects ?? none?.largeObjects;
  return {
    folder,
    name: database.name,
    tables: contents.flatMap((content) => content.tables),
    sequences: contents.flatMap((content) => content.sequences),
    largeObjects: largeObjects ?? { count: 0, bytes: 0, content: '' },
  };
}
