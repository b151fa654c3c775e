import { HozenError } from '@hozen/contracts';
import { logger } from '@hozen/telemetry';
import type { BackupJob } from '../job.js';
import { removeTree } from './file/remove-tree.js';
import { scratchFolderElsewhere, strayScratchFolders } from '../verification/scratch-server.js';
import { ownerOf, pathsIn } from './artefact-paths.js';
import type { CommittedArtefact } from './committed-artefact.js';
import { inTime } from './in-time.js';
import { spoolFolders } from './spool-folders.js';
import { onStorage } from './storage-error.js';
import { storageOf } from './storage-of.js';
import type { Fence, Storage } from './storage.js';

const log = logger('storage');

/** Milliseconds that the second storage gets for cleaning up. */
const SECOND_MS = 30_000;

/**
 * After an attempt that ended badly, or for a dead owner: removes what this run left up to this epoch, in storage and
 * in the spool. Never touches a committed artefact, nor anything of another run or of a later owner.
 * @throws HozenError of the STORAGE_ codes
 */
export async function cleanUp(job: BackupJob, { secondMs = SECOND_MS } = {}): Promise<void> {
  await storageOf(job.config.storage).removeLeftovers(ownerOf(job), job.epoch);
  await onSecond(job, secondMs, (storage) => storage.removeLeftovers(ownerOf(job), job.epoch));
  await removeFolders([...(await spoolFolders(job.spoolDir)), ...(await strayScratchFolders(job))]);
}

/**
 * A second storage that cannot be reached, or never answers, must not keep a run from ending: what is left there goes when
 * the copy is made, or with the artefact.
 */
async function onSecond(
  job: BackupJob,
  milliseconds: number,
  work: (storage: Storage) => Promise<void>,
): Promise<void> {
  const { secondaryStorage } = job.config;
  if (!secondaryStorage) return;
  const { data: path } = pathsIn(secondaryStorage, ownerOf(job));
  const late = () => new HozenError('STORAGE_IO', { path }, { detail: 'it did not answer in time' });
  try {
    await inTime(milliseconds, work(storageOf(secondaryStorage)), late);
  } catch (error) {
    if (error instanceof HozenError && error.code === 'LEASE_LOST') throw error;
    log.warn({ err: error, path }, 'what the run left in its second storage could not be removed');
  }
}

/**
 * Removes the scratch folders of this attempt alone. They are nobody else's, so this is right without the lease too.
 * @throws HozenError STORAGE_IO, STORAGE_UNWRITABLE
 */
export async function removeSpool(job: BackupJob): Promise<void> {
  await removeFolders([job.spoolDir, scratchFolderElsewhere(job)]);
}

async function removeFolders(folders: readonly string[]): Promise<void> {
  for (const folder of folders) {
    await onStorage(folder, () => removeTree(folder));
  }
}

/**
 * Takes back a committed artefact that failed its proof, or whose run failed: the manifest goes first, so that nothing
 * unproven is visible. In the second storage too, where that can be reached.
 * Does nothing when the artefact of another run stands there.
 * @throws HozenError LEASE_LOST, and of the STORAGE_ codes
 */
export async function discardCommitted(
  job: BackupJob,
  { manifest }: Pick<CommittedArtefact, 'manifest'>,
  fence: Fence,
): Promise<void> {
  await storageOf(job.config.storage).discard(ownerOf(job), manifest.epoch, fence);
  await onSecond(job, SECOND_MS, (storage) => storage.discard(ownerOf(job), manifest.epoch, fence));
}
