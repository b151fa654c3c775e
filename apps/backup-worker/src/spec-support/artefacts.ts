import { randomBytes } from 'node:crypto';
import type { BackupJob } from '../job.js';
import { EMPTY_SUMMARY } from '../methods/dump-summary.fixture.js';
import { commitArtefact } from '../storage/commit-artefact.js';
import type { CommittedArtefact } from '../storage/committed-artefact.js';
import { openArtefact, type OpenArtefact } from '../storage/open-artefact.js';

/** Of a worker that has not lost its lease. */
export const HOLDING = { ensureLease: () => undefined };

/** With one stream, `data`, of so many random bytes; not finished. */
export async function openedArtefact(job: BackupJob, bytes = 100): Promise<OpenArtefact> {
  const writer = await openArtefact(job, bytes);
  const stream = writer.openStream('data');
  await stream.write(randomBytes(bytes));
  await writer.endStream(stream);
  return writer;
}

export async function committedArtefact(job: BackupJob, bytes?: number): Promise<CommittedArtefact> {
  return commitArtefact(job, await openedArtefact(job, bytes), EMPTY_SUMMARY, HOLDING);
}
