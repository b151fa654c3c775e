import { createHash } from 'node:crypto';
import type { BackupLevel } from '@hozen/contracts';
import { parseLsn } from '@hozen/dbms';
import { dirname, relative } from 'node:path';
import {
  postgresOf,
  isParentFile,
  type Manifest,
  type ManifestParent,
  type ManifestPhysical,
} from '../../artefact/manifest.js';
import type { AttemptContext, BackupJob, EarlierBackup } from '../../job.js';
import { artefactPaths, besides } from '../../storage/artefact-paths.js';
import { readManifest } from '../../storage/read-manifest.js';
import { storageOf } from '../../storage/storage-of.js';
import { parseBackupManifest, type ListedFile } from './backup-manifest.js';
import type { PhysicalTarget } from './check-target.js';

/** The backup that this one builds on. */
export interface Parent {
  manifest: ManifestParent;
  physical: ManifestPhysical;
  /** Its backup_manifest, as the server made it. */
  list: string;
  files: ListedFile[];
}

/** Levels that each level may build on. */
const BUILDS_ON: Readonly<Partial<Record<BackupLevel, readonly BackupLevel[]>>> = {
  incremental: ['full', 'differential', 'incremental'],
  differential: ['full'],
};

export interface Chosen {
  level: BackupLevel;
  parent?: Parent;
  /** Why it is a full backup although less was asked for. */
  warnings: string[];
}

/**
 * What the run builds on. Where there is nothing sound to build on, it is a full backup: that is what has to be there
 * first.
 * @throws HozenError LEASE_LOST, and of the STORAGE_ codes
 */
export async function chooseParent(job: BackupJob, target: PhysicalTarget, context: AttemptContext): Promise<Chosen> {
  const levels = BUILDS_ON[job.level];
  if (!levels) return { level: job.level, warnings: [] };
  const earlier = await context.lineage.newest(levels);
  const found = earlier ? await parentFrom(earlier, job, target) : 'there is no earlier backup to build on';
  if (typeof found === 'string') {
    await context.lineage.choose('full', undefined);
    return { level: 'full', warnings: [`Instead of the ${job.level} backup a full one was made: ${found}.`] };
  }
  await context.lineage.choose(job.level, earlier);
  return { level: job.level, parent: found, warnings: [] };
}

/** @returns why it cannot be built on, where it cannot */
async function parentFrom(earlier: EarlierBackup, job: BackupJob, target: PhysicalTarget): Promise<Parent | string> {
  const { maxChain } = job.config;
  if (earlier.chain >= maxChain) return `the chain is ${earlier.chain} backups long, and maxChain is ${maxChain}`;
  const file = relative(dirname(artefactPaths(job).data), earlier.path);
  if (!isParentFile(file)) return `${earlier.path} is not in the storage of the config any more`;
  const storage = storageOf(job.config.storage);
  const manifest = await readManifest(storage, earlier.path, job.config.signing);
  if (!manifest) return `the manifest of ${earlier.path} is missing`;
  const list = await storage.readText(besides(earlier.path).files);
  if (!manifest.physical || list === undefined) return `${earlier.path} has no list of files`;
  // It stands unencrypted in the storage; the manifest, which may be signed, says which one it was.
  const sha256 = createHash('sha256').update(list).digest('hex');
  if (sha256 !== manifest.physical.files.sha256) return `the list of files of ${earlier.path} was changed`;
  const reason = whyNotOn(manifest, manifest.physical, target);
  if (reason !== undefined) return reason;
  const { runId, artefact } = manifest;
  return {
    manifest: { runId, file, sha256: artefact.sha256 },
    physical: manifest.physical,
    list,
    files: parseBackupManifest(list),
  };
}

/**
 * The pages of the earlier backup must be from the same history of the same cluster. (A cluster whose checksums were
 * switched on has changed every page without a new LSN.)
 */
function whyNotOn(manifest: Manifest, earlier: ManifestPhysical, target: PhysicalTarget): string | undefined {
  const { facts, physical } = target;
  if (manifest.target.systemIdentifier !== facts.systemIdentifier) return 'the earlier backup is of another cluster';
  if (postgresOf(manifest).major !== facts.major) return 'the server was upgraded since the earlier backup';
  if (earlier.timeline !== physical.timeline) return 'the timeline has changed since the earlier backup';
  if (earlier.dataChecksums !== facts.dataChecksums) return 'page checksums were switched since the earlier backup';
  if (parseLsn(physical.beginsAfter) < parseLsn(earlier.endLsn)) return 'the server is behind the earlier backup';
  return undefined;
}
