import type { Manifest, ManifestWal } from '../../artefact/manifest.js';
import type { AttemptContext, BackupJob } from '../../job.js';
import { earlierLog } from '../earlier-log.js';

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
  const manifest = await earlierLog(job, context);
  if (manifest === undefined || typeof manifest === 'string') return manifest;
  return manifest.wal ? { manifest, wal: manifest.wal } : 'the earlier backup is no log of PostgreSQL';
}
