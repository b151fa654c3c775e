import type { DatabaseFacts, ToolEnvironment } from '@hozen/dbms';
import type { TableContent } from '../artefact/artefact-index.js';
import type { BackupJob } from '../job.js';
import type { CheckedTarget } from '../methods/postgres-logical/check-target.js';
import { DatabaseSnapshot } from '../methods/postgres-logical/database-snapshot.js';
import { planDatabase, type PlannedStream } from '../methods/postgres-logical/plan-database.js';
import { ContentHash } from '../pipeline/content-hash.js';
import { together, type ArchiveContent, type StreamContents, type TocEntry } from '../pipeline/custom-format.js';
import { inLargePieces } from '../pipeline/large-pieces.js';
import { pourArchive, startTool, takeOutput } from '../pipeline/pour.js';
import { Slots } from '../pipeline/slots.js';

/** What all reading of one copy shares. */
export interface CopyReader {
  job: BackupJob;
  scratch: CheckedTarget;
  env: ToolEnvironment;
  /** The backup has no contents of unlogged tables: it was taken from a standby. */
  withoutUnlogged: boolean;
  signal: AbortSignal;
  onBytes: (bytes: number, item: string) => void;
}

export interface CopiedDatabase {
  definitions: TocEntry[];
  contents: StreamContents;
}

/** Reads a restored database back through pg_dump, as the original was read. */
export async function readCopy(reader: CopyReader, database: DatabaseFacts): Promise<CopiedDatabase> {
  const { job, scratch, signal } = reader;
  const snapshot = await DatabaseSnapshot.open(job, scratch, database.name, { signal, fail: () => undefined });
  try {
    const size = { totalBytes: scratch.facts.totals.bytes, jobs: job.config.jobs };
    const [definitions, ...data] = planDatabase(database, 'copy', snapshot.tables, size);
    const slots = new Slots(job.config.jobs);
    const streams = definitions ? [definitions, ...data] : data;
    const reading = streams.map(async (stream) => {
      await slots.acquire();
      try {
        return await readStream(reader, database.name, stream);
      } finally {
        slots.release();
      }
    });
    await Promise.allSettled(reading);
    const [defined, ...contents] = await Promise.all(reading);
    return { definitions: defined?.entries ?? [], contents: together(contents) };
  } finally {
    await snapshot.close();
  }
}

/** Reads one table with its columns in another order than pg_dump chooses. */
export async function recountTable(
  { scratch, env, signal, onBytes }: CopyReader,
  database: string,
  table: TableContent,
  columns: string,
): Promise<Pick<TableContent, 'rows' | 'content'>> {
  const quote = (name: string) => `"${name.replaceAll('"', '""')}"`;
  const tool = await startTool({
    path: scratch.tools.path('psql'),
    args: ['-X', '-c', `COPY ${quote(table.schema)}.${quote(table.name)} (${columns}) TO STDOUT`],
    env: env.forDatabase(database),
    signal,
  });
  const hash = new ContentHash();
  await takeOutput(tool, (chunk) => {
    addLines(hash, chunk);
    onBytes(chunk.length, database);
    return undefined;
  });
  const { rows } = hash;
  // pg_dump ends the data of each table so.
  addLines(hash, Buffer.from('\\.'));
  hash.update(view(Buffer.from('\n\n\n')), 0, 3);
  hash.endRow();
  return { rows, content: hash.digest() };
}

function addLines(hash: ContentHash, chunk: Buffer): void {
  const bytes = view(chunk);
  let from = 0;
  for (let end = chunk.indexOf(10); end >= 0; end = chunk.indexOf(10, from)) {
    hash.update(bytes, from, end + 1);
    hash.endRow();
    from = end + 1;
  }
  hash.update(bytes, from, chunk.length);
}

function view(bytes: Buffer): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

async function readStream(reader: CopyReader, database: string, planned: PlannedStream): Promise<ArchiveContent> {
  const { scratch, env, signal } = reader;
  const unlogged = reader.withoutUnlogged ? ['--no-unlogged-table-data'] : [];
  const tool = await startTool({
    path: scratch.tools.path('pg_dump'),
    args: ['--format=custom', '--compress=0', '--no-password', ...unlogged, ...planned.args],
    env: inLargePieces(env.forDatabase(database)),
    signal,
    attributes: { 'db.namespace': database },
  });
  return pourArchive(tool, undefined, (bytes) => reader.onBytes(bytes, planned.item));
}
