import { link, rm } from 'node:fs/promises';
import type { AttemptContext, BackupJob } from '../job.js';
import { scratchFolderElsewhere, strayScratchFolders } from '../verification/scratch-server.js';
import { artefactPaths } from './artefact-paths.js';
import { readManifest, type CommittedArtefact } from './committed-artefact.js';
import { syncDirectory } from './durable.js';
import { removeLeftovers } from './leftovers.js';
import { onStorage } from './storage-error.js';

/**
 * After an attempt that ended badly, or for a dead owner: removes what this run left up to this epoch, in storage and
 * in the spool. Never touches a committed artefact, nor anything of another run or of a later owner.
 * @throws HozenError STORAGE_IO, STORAGE_UNWRITABLE
 */
export async function cleanUp(job: BackupJob): Promise<void> {
  await onStorage(job.config.storage.path, () => removeLeftovers(job, job.epoch));
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
 * @throws HozenError LEASE_LOST, STORAGE_IO, STORAGE_UNWRITABLE
 */
export async function discardCommitted(
  job: BackupJob,
  artefact: CommittedArtefact,
  context: Pick<AttemptContext, 'ensureLease'>,
): Promise<void> {
  const paths = artefactPaths(job);
  await onStorage(artefact.path, async () => {
    const standing = await readManifest(artefact.manifestPath);
    if (standing?.runId !== job.runId || standing.epoch !== artefact.manifest.epoch) return;
    context.ensureLease();
    // Should this process die in between, the partial names tell the next owner that the rest is this run's to remove.
    await linkBack(artefact.path, paths.partial('data'));
    await linkBack(artefact.checksumPath, paths.partial('checksum'));
    await syncDirectory(paths.directory);
    // A later owner may have proven it meanwhile, and told everybody.
    context.ensureLease();
    await rm(artefact.manifestPath, { force: true });
    await syncDirectory(paths.directory);
    await removeLeftovers(job, job.epoch);
  });
}

async function linkBack(final: string, partial: string): Promise<void> {
  try {
    await link(final, partial);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'EEXIST' && code !== 'ENOENT') throw error;
  }
}
