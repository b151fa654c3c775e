import type { StorageSpec } from '@hozen/contracts';
import type { ArchiveStore } from './archive-store.js';

/** Loads only what the storage needs: a push begins once for every file. */
export async function openArchiveStore(spec: StorageSpec): Promise<ArchiveStore> {
  if (spec.kind === 'file') return new (await import('./file-archive.js')).FileArchive(spec);
  return new (await import('./s3-archive.js')).S3Archive(spec);
}
