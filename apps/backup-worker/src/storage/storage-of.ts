import type { StorageSpec } from '@hozen/contracts';
import { FileStorage } from './file/file-storage.js';
import { S3Storage } from './s3/s3-storage.js';
import type { Storage } from './storage.js';

export function storageOf(spec: StorageSpec): Storage {
  return spec.kind === 'file' ? new FileStorage(spec) : S3Storage.of(spec);
}
