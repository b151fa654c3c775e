import { inSpan } from '@hozen/telemetry';
import { ArtefactWriter } from '../artefact/artefact-writer.js';
import { SecondCopy } from '../copies/second-copy.js';
import { TeeSink } from '../copies/tee-sink.js';
import { EncryptingSink } from '../encryption/encrypting-sink.js';
import { ensureIdentityFits } from '../encryption/file-key.js';
import { signerOf } from '../artefact/signature.js';
import type { BackupJob } from '../job.js';
import { limited } from '../resources/limited-sink.js';
import type { Pace } from '../resources/pace.js';
import { artefactPaths, compressionOf, isSql, ownerOf } from './artefact-paths.js';
import { storageOf } from './storage-of.js';
import type { ArtefactSink } from './storage.js';

export type OpenArtefact = ArtefactWriter<ArtefactSink>;

/** Of what is written, where nobody knows how much that will be. */
const UNKNOWN_BYTES = 64 * 1024 ** 3;

/**
 * Opens the artefact of a run for writing, where nobody sees it yet. What earlier attempts of the run left is removed
 * first.
 * @param expectedBytes of the artefact, at most; it may become somewhat larger
 * @throws HozenError IDENTITY_WRONG, SIGNING_KEY_WRONG, SECRET_UNAVAILABLE, and of the STORAGE_ and DISK_ codes; the writer's methods too.
 */
export async function openArtefact(
  job: BackupJob,
  expectedBytes = UNKNOWN_BYTES,
  pace: Pace = {},
): Promise<OpenArtefact> {
  const path = artefactPaths(job).data;
  return inSpan('open artefact', { attributes: { 'file.path': path } }, async () => {
    const { encryption, signing } = job.config;
    if (signing) await signerOf(signing);
    if (encryption) await ensureIdentityFits(encryption, path);
    const first = limited(await storageOf(job.config.storage).open(ownerOf(job), expectedBytes), pace.write?.());
    const { secondaryStorage } = job.config;
    const stored = secondaryStorage
      ? new TeeSink(first, new SecondCopy(job, secondaryStorage, expectedBytes, pace.write?.()))
      : first;
    const sink = encryption ? await EncryptingSink.create(stored, encryption.recipients) : stored;
    return new ArtefactWriter(sink, {
      compression: compressionOf(job),
      level: job.config.compressionLevel,
      // Each dump process has one stream; roles and the like come on top of these.
      streams: job.config.jobs + 1,
      modifiedAt: job.startedAt,
      sql: isSql(job),
      pace,
    });
  });
}
