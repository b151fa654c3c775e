import type { StorageSpec } from '@hozen/contracts';
import { storageHolding } from './storage-of.js';

/**
 * Removes a published artefact. The manifest goes first: what has lost it is no backup any more, so nothing half-removed
 * is ever taken for one.
 * @param storage where its config stores now: a bucket can be reached no other way
 * @throws HozenError of the STORAGE_ codes. What is gone already is none.
 */
export async function removeArtefact(dataPath: string, storage: StorageSpec | null): Promise<void> {
  await storageHolding(dataPath, storage).remove(dataPath);
}
