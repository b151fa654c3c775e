import { inSpan } from '@hozen/telemetry';
import { ArtefactWriter } from '../artefact/artefact-writer.js';
import type { BackupJob } from '../job.js';
import { artefactPaths, compressionOf } from './artefact-paths.js';
import { makeDirectory } from './durable.js';
import { FileSink } from './file-sink.js';
import { removeLeftovers } from './leftovers.js';
import { onStorage } from './storage-error.js';

/**
 * Opens the artefact of a run for writing: a hidden partial file in the destination folder, for its owner only.
 * What earlier attempts of the run left there is removed first.
 * @throws HozenError STORAGE_UNWRITABLE, DISK_FULL, STORAGE_IO; the writer's methods too.
 */
export async function openArtefact(job: BackupJob): Promise<ArtefactWriter> {
  const paths = artefactPaths(job);
  const path = paths.partial('data');
  return inSpan('open artefact', { attributes: { 'file.path': path } }, async () => {
    await onStorage(paths.directory, async () => {
      await makeDirectory(paths.directory);
      await removeLeftovers(job, job.epoch);
    });
    return new ArtefactWriter(await FileSink.create(path), {
      compression: compressionOf(job),
      level: job.config.compressionLevel,
      // Each dump process has one stream; roles and the like come on top of these.
      streams: job.config.jobs + 1,
      modifiedAt: job.startedAt,
    });
  });
}
