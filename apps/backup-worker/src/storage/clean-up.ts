import { rm } from 'node:fs/promises';
import type { BackupJob } from '../job.js';
import { scratchFolderElsewhere, strayScratchFolders } from '../verification/scratch-server.js';
import type { CommittedArtefact } from './committed-artefact.js';
import { onStorage } from './storage-error.js';
import { storageOf } from './storage-of.js';
import type { Fence } from './storage.js';

/**
 * After an attempt that ended badly, or for a dead owner: removes what this run left up to this epoch, in storage and
 * in the spool. Never touches a committed artefact, nor anything of another run or of a later owner.
 * @throws HozenError of the STORAGE_ codes
 */
export async function cleanUp(job: BackupJob): Promise<void> {
  await storageOf(job.config.storage).removeLeftovers(job, job.epoch);
  await removeFolders([job.spoolDir, ...(await strayScratchFolders(job))]);
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
    await onStorage(folder, () => rm(folder, { recursive: true, force: true }));
  }
}

/**
 * Takes back a committed artefact that failed its proof: the manifest goes first, so that nothing unproven is visible.
 * Does nothing when the artefact of another run stands there.
 * @throws HozenError LEASE_LOST, and of the STORAGE_ codes
 */
export async function discardCommitted(
  job: BackupJob,
  { manifest }: Pick<CommittedArtefact, 'manifest'>,
  fence: Fence,
): Promise<void> {
  await storageOf(job.config.storage).discard(job, manifest.epoch, fence);
}
