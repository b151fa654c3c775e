import { dirname } from 'node:path';
import { HozenError, storageLocation, type StorageSpec } from '@hozen/contracts';
import { FileStorage } from './file/file-storage.js';
import { S3Storage } from './s3/s3-storage.js';
import type { Storage } from './storage.js';

export function storageOf(spec: StorageSpec): Storage {
  return spec.kind === 'file' ? new FileStorage(spec) : S3Storage.of(spec);
}

/**
 * The storage that an artefact of the past is in.
 * @param now where its config stores now: a bucket can be reached no other way
 * @throws HozenError STORAGE_REFUSED
 */
export function storageHolding(dataPath: string, now: StorageSpec | null): Storage {
  if (!dataPath.startsWith('s3://')) return storageOf({ kind: 'file', path: dirname(dataPath) });
  if (now?.kind === 's3' && dataPath.startsWith(`s3://${now.bucket}/`)) return storageOf(now);
  const reason = now === null ? 'its config is gone' : `its config stores in ${storageLocation(now)} now`;
  throw new HozenError('STORAGE_REFUSED', { path: dataPath, reason });
}
