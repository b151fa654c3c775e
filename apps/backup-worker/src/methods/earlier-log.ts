import { asHozenError } from '@hozen/contracts';
import type { Manifest } from '../artefact/manifest.js';
import type { AttemptContext, BackupJob } from '../job.js';
import { readManifest } from '../storage/read-manifest.js';
import { storageHolding } from '../storage/storage-of.js';

/**
 * The newest log of the config: the next one goes on from it.
 * @returns why it is not known, where there should be one; undefined where there is none
 */
export async function earlierLog(
  job: BackupJob,
  context: Pick<AttemptContext, 'lineage'>,
): Promise<Manifest | string | undefined> {
  const earlier = await context.lineage.newest(['transaction_log']);
  if (!earlier) return undefined;
  try {
    const storage = storageHolding(earlier.path, job.config.storage);
    const manifest = await readManifest(storage, earlier.path, job.config.signing);
    return manifest ?? `${earlier.path} has no manifest`;
  } catch (error) {
    return asHozenError(error).message;
  }
}
