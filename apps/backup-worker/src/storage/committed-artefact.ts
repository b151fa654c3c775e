import { dirname } from 'node:path';
import { HozenError, type EncryptionSpec, type SigningSpec, type StorageSpec } from '@hozen/contracts';
import type { Manifest } from '../artefact/manifest.js';
import { byIdentityOf, type FindFileKey } from '../encryption/file-key.js';
import type { BackupJob } from '../job.js';
import { artefactPaths, besides } from './artefact-paths.js';
import { readManifest } from './read-manifest.js';
import { storageHolding, storageOf } from './storage-of.js';
import type { Storage } from './storage.js';

/** An artefact whose manifest stands. */
export interface CommittedArtefact {
  /** Absolute, or `s3://bucket/...`. */
  path: string;
  manifestPath: string;
  checksumPath: string;
  bytes: number;
  originalBytes: number;
  sha256: string;
  manifest: Manifest;
  /** Where it is read from. */
  storage: Storage;
  /** How an encrypted one is read; undefined where nobody here can. */
  findFileKey: FindFileKey | undefined;
}

/**
 * The artefact of this run, if an earlier owner published it before it died: the run goes on with its verification.
 * @throws HozenError ARTEFACT_CORRUPT, of the SIGNATURE_ and of the STORAGE_ codes
 */
export async function findCommitted(job: BackupJob): Promise<CommittedArtefact | undefined> {
  const { data, manifest } = artefactPaths(job);
  const storage = storageOf(job.config.storage);
  if (!(await findOwnManifest(job))) return undefined;
  const found = await readManifest(storage, data, job.config.signing);
  if (!found) return undefined;
  return describe(manifest, found, storage, byIdentityOf(job.config.encryption, manifest));
}

/**
 * The manifest of this run, if an earlier owner published it, whoever signed it.
 * @throws HozenError ARTEFACT_CORRUPT, and of the STORAGE_ codes
 */
export async function findOwnManifest(job: BackupJob): Promise<Manifest | undefined> {
  const found = await readManifest(storageOf(job.config.storage), artefactPaths(job).data, undefined);
  return found?.runId === job.runId ? found : undefined;
}

/** The key of an encrypted one is known to the attempt that made it; later ones need the identity. */
export function canBeRead({ manifest, findFileKey }: CommittedArtefact): boolean {
  return manifest.encryption === undefined || findFileKey !== undefined;
}

/**
 * An artefact of the past.
 * @param now where its config stores now, how it encrypts, and whose signatures it believes
 * @throws HozenError ARTEFACT_MISSING, ARTEFACT_CORRUPT, of the SIGNATURE_ and of the STORAGE_ codes
 */
export async function publishedArtefact(
  dataPath: string,
  now: { storage: StorageSpec | null; encryption: EncryptionSpec | null; signing: SigningSpec | null },
): Promise<CommittedArtefact> {
  const storage = storageHolding(dataPath, now.storage);
  const path = besides(dataPath).manifest;
  const manifest = await readManifest(storage, dataPath, now.signing);
  if (!manifest) throw new HozenError('ARTEFACT_MISSING', { path });
  return describe(path, manifest, storage, byIdentityOf(now.encryption, dataPath));
}

/** The artefact that a manifest publishes. */
export function describe(
  manifestPath: string,
  manifest: Manifest,
  storage: Storage,
  findFileKey?: FindFileKey,
): CommittedArtefact {
  const { bytes, originalBytes, sha256, file } = manifest.artefact;
  const { data, checksum } = besides(`${dirname(manifestPath)}/${file}`);
  const paths = { path: data, manifestPath, checksumPath: checksum };
  return { ...paths, bytes, originalBytes, sha256, manifest, storage, findFileKey };
}
