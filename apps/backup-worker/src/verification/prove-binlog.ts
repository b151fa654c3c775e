import { mkdir, rm } from 'node:fs/promises';
import { createWriteStream } from 'node:fs';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { HozenError, type ProofFacts } from '@hozen/contracts';
import { findMariadbTool, removeFolder, runTool } from '@hozen/dbms';
import { inSpan } from '@hozen/telemetry';
import { kindOf } from '../artefact/manifest.js';
import { ArtefactFile } from '../artefact/artefact-file.js';
import type { AttemptContext, BackupJob } from '../job.js';
import { BINLOG_STREAM } from '../methods/mariadb-binlog/copy-binlogs.js';
import type { CommittedArtefact } from '../storage/committed-artefact.js';

/**
 * Proves files of a binary log: reads every event of them, and the checksum of each.
 * @throws HozenError CONTENT_DIFFERS naming the file, ARTEFACT_CORRUPT, STORAGE_IO
 */
export async function proveBinlog(
  job: BackupJob,
  artefact: CommittedArtefact,
  { signal, ...context }: AttemptContext,
): Promise<ProofFacts> {
  return inSpan('prove binary log', { attributes: { 'file.path': artefact.path } }, async () => {
    const started = performance.now();
    const work = join(job.spoolDir, 'binlog');
    await mkdir(work, { recursive: true, mode: 0o700 });
    const { path } = await findMariadbTool('binlog', kindOf(artefact.manifest));
    await using file = await ArtefactFile.open(artefact);
    const streams = file.index.streams.filter(({ name }) => name.startsWith(BINLOG_STREAM.before));
    try {
      for (const stream of streams) {
        context.progress({ phase: 'comparing', item: stream.name });
        const copy = join(work, stream.name.slice(BINLOG_STREAM.before.length));
        await pipeline(file.read(stream), createWriteStream(copy, { mode: 0o600 }), { signal });
        await readEvents(path, copy, stream.name, signal);
        await rm(copy);
      }
    } finally {
      await removeFolder(work);
    }
    return { level: 'checksum', databases: 0, tables: 0, seconds: (performance.now() - started) / 1000 };
  });
}

async function readEvents(path: string, copy: string, name: string, signal: AbortSignal): Promise<void> {
  const args = ['--no-defaults', '--verify-binlog-checksum', '--base64-output=decode-rows', copy];
  try {
    await runTool({ path, args, stdout: 'ignore', sandbox: { reads: [copy] }, signal }).done;
  } catch (error) {
    signal.throwIfAborted();
    if (!(error instanceof HozenError) || error.code !== 'TOOL_FAILED') throw error;
    const detail = error.detail ?? error.message;
    throw new HozenError('CONTENT_DIFFERS', { what: `${name} cannot be read` }, { detail, cause: error });
  }
}
