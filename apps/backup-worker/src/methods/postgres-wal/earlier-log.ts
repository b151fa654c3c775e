import { asHozenError } from '@hozen/contracts';
import type { Manifest, ManifestWal } from '../../artefact/manifest.js';
import type { AttemptContext, BackupJob } from '../../job.js';
import { readManifest } from '../../storage/read-manifest.js';
import { storageHolding } from '../../storage/storage-of.js';

/** The newest log of the config: the next one goes on from it. */
export interface EarlierLog {
  manifest: Manifest;
  wal: ManifestWal;
}

/** @returns why it is not known, where there should be one; undefined where there is none */
export async function findEarlierLog(
  job: BackupJob,
  context: Pick<AttemptContext, 'lineage'>,
): Promise<EarlierLog | string | undefined> {
  const earlier = await context.lineage.newest(['transaction_log']);
  if (!earlier) return undefined;
  try {
    const storage = storageHolding(earlier.path, job.config.storage);
    const manifest = await readManifest(storage, earlier.path, job.config.signing);
    return manifest?.wal ? { manifest, wal: manifest.wal } : `${earlier.path} has no manifest`;
  } catch (error) {
    return asHozenError(error).message;
  }
}
