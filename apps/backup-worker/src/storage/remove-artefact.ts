import { rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { syncDirectory } from './durable.js';
import { isMissing, onStorage } from './storage-error.js';

/**
 * Removes a published artefact. The manifest goes first, and durably: what has lost it is no backup any more, so nothing
 * half-removed is ever taken for one.
 * @throws HozenError STORAGE_IO, STORAGE_UNWRITABLE. What is gone already is none.
 */
export async function removeArtefact(paths: { manifest: string; checksum: string; data: string }): Promise<void> {
  await onStorage(paths.data, async () => {
    await removeDurably(paths.manifest);
    await removeDurably(paths.checksum);
    await removeDurably(paths.data);
  });
}

async function removeDurably(path: string): Promise<void> {
  try {
    await rm(path, { force: true });
    await syncDirectory(dirname(path));
  } catch (error) {
    if (!isMissing(error)) throw error;
  }
}
