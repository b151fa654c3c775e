import { dirname } from 'node:path';
import { HozenError, storageLocation, type StorageSpec } from '@hozen/contracts';
import { storageOf } from './storage-of.js';

/**
 * Removes a published artefact. The manifest goes first: what has lost it is no backup any more, so nothing half-removed
 * is ever taken for one.
 * @param storage where its config stores now: a bucket can be reached no other way
 * @throws HozenError of the STORAGE_ codes. What is gone already is none.
 */
export async function removeArtefact(dataPath: string, storage: StorageSpec | null): Promise<void> {
  await storageOf(storageFor(dataPath, storage)).remove(dataPath);
}

function storageFor(dataPath: string, storage: StorageSpec | null): StorageSpec {
  if (!dataPath.startsWith('s3://')) return { kind: 'file', path: dirname(dataPath) };
  if (storage?.kind === 's3' && dataPath.startsWith(`s3://${storage.bucket}/`)) return storage;
  const now = storage === null ? 'its config is gone' : `its config stores in ${storageLocation(storage)} now`;
  throw new HozenError('STORAGE_REFUSED', { path: dataPath, reason: now });
}
