import { warningText } from '@hozen/contracts';
import { dirname, relative } from 'node:path';
import type { BackupLevel } from '@hozen/contracts';
import { isParentFile, type Manifest, type ManifestParent } from '../artefact/manifest.js';
import type { AttemptContext, BackupJob, EarlierBackup } from '../job.js';
import { artefactPaths } from '../storage/artefact-paths.js';
import { readManifest } from '../storage/read-manifest.js';
import { storageOf } from '../storage/storage-of.js';

/** Levels that each level may build on. */
const BUILDS_ON: Readonly<Partial<Record<BackupLevel, readonly BackupLevel[]>>> = {
  incremental: ['full', 'differential', 'incremental'],
  differential: ['full'],
};

export interface Chosen<Parent> {
  level: BackupLevel;
  parent?: Parent;
  /** Why it is a full backup although less was asked for. */
  warnings: string[];
}

/** An earlier backup that stands where the config stores. */
export interface StandingBackup {
  path: string;
  manifest: Manifest;
  /** What a manifest that builds on it says of it. */
  reference: ManifestParent;
}

/**
 * What the run builds on. Where there is nothing sound to build on, it is a full backup: that is what has to be there
 * first.
 * @param parentFrom says what is needed of the earlier backup, or why it cannot be built on
 * @throws HozenError LEASE_LOST, and of the STORAGE_ codes
 */
export async function chooseParent<Parent>(
  job: BackupJob,
  context: AttemptContext,
  parentFrom: (earlier: StandingBackup) => Promise<Parent | string> | Parent | string,
): Promise<Chosen<Parent>> {
  const levels = BUILDS_ON[job.level];
  if (!levels) return { level: job.level, warnings: [] };
  const earlier = await context.lineage.newest(levels);
  const standing = earlier ? await standingOf(earlier, job) : warningText('reason.no-earlier');
  const found = typeof standing === 'string' ? standing : await parentFrom(standing);
  if (typeof found === 'string') {
    await context.lineage.choose('full', undefined);
    return { level: 'full', warnings: [warningText('full-instead', { level: job.level, reason: found })] };
  }
  await context.lineage.choose(job.level, earlier);
  return { level: job.level, parent: found, warnings: [] };
}

async function standingOf(earlier: EarlierBackup, job: BackupJob): Promise<StandingBackup | string> {
  const { maxChain, storage, signing } = job.config;
  if (earlier.chain >= maxChain) return warningText('reason.chain-long', { chain: earlier.chain, most: maxChain });
  const file = relative(dirname(artefactPaths(job).data), earlier.path);
  if (!isParentFile(file)) return warningText('reason.moved', { path: earlier.path });
  const manifest = await readManifest(storageOf(storage), earlier.path, signing);
  if (!manifest) return warningText('reason.manifest-missing', { path: earlier.path });
  const { runId, artefact } = manifest;
  return { path: earlier.path, manifest, reference: { runId, file, sha256: artefact.sha256 } };
}
