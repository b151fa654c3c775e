import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { parseManifest, type Manifest } from '../artefact/manifest.js';
import type { BackupJob } from '../job.js';
import { artefactPaths } from './artefact-paths.js';
import { isMissing, onStorage } from './storage-error.js';

/** An artefact whose manifest stands. */
export interface CommittedArtefact {
  path: string;
  manifestPath: string;
  checksumPath: string;
  bytes: number;
  originalBytes: number;
  sha256: string;
  manifest: Manifest;
}

/**
 * The artefact of this run, if an earlier owner published it before it died: the run goes on with its verification.
 * @throws HozenError STORAGE_IO, STORAGE_UNWRITABLE
 */
export async function findCommitted(job: BackupJob): Promise<CommittedArtefact | undefined> {
  const { manifest } = artefactPaths(job);
  const found = await readManifest(manifest);
  return found?.runId === job.runId ? describe(manifest, found) : undefined;
}

/**
 * The artefact that a manifest publishes.
 * @throws HozenError ARTEFACT_MISSING, ARTEFACT_CORRUPT, STORAGE_IO
 */
export async function readManifest(path: string): Promise<Manifest | undefined> {
  return onStorage(path, async () => {
    try {
      return parseManifest(await readFile(path, 'utf8'), path);
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw error;
    }
  });
}

export function describe(manifestPath: string, manifest: Manifest): CommittedArtefact {
  const path = join(dirname(manifestPath), manifest.artefact.file);
  const { bytes, originalBytes, sha256 } = manifest.artefact;
  return { path, manifestPath, checksumPath: `${path}.sha256`, bytes, originalBytes, sha256, manifest };
}
