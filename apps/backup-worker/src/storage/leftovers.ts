import { readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { HozenError } from '@hozen/contracts';
import type { BackupJob } from '../job.js';
import { artefactPaths, partialOwner } from './artefact-paths.js';
import { readManifest } from './committed-artefact.js';
import { syncDirectory } from './durable.js';
import { isMissing } from './storage-error.js';

const MANIFEST = '.manifest.json';

/**
 * Removes what attempts of this run up to `epoch` left behind: partial files, and data or checksum that stand under
 * their final names without a manifest.
 *
 * Whose a final file without a manifest is, its partial file tells: it is a second link to the same file and is kept
 * until the manifest stands. So partials go last, and a crash in between leaves the proof of ownership. The manifest's
 * partial goes first: an owner that was paused just before it publishes then finds nothing to link.
 */
export async function removeLeftovers(job: BackupJob, epoch: number): Promise<void> {
  const { directory } = artefactPaths(job);
  const partials = (await namesIn(directory)).filter((name) => {
    const owner = partialOwner(name);
    return owner?.runId === job.runId && owner.epoch <= epoch;
  });
  if (partials.length === 0) return;
  await removeAll(directory, partials.filter(isOfManifest));
  for (const partial of partials.filter((name) => !isOfManifest(name))) {
    const final = partialOwner(partial)?.final ?? '';
    if (await isPublished(job, join(directory, `${final.replace(/\.sha256$/, '')}${MANIFEST}`))) continue;
    const mine = await isSameFile(join(directory, final), join(directory, partial));
    if (mine) await rm(join(directory, final), { force: true });
  }
  await syncDirectory(directory);
  await removeAll(directory, partials);
}

/** True when both names are links to one file. */
export async function isSameFile(one: string, other: string): Promise<boolean> {
  try {
    const [a, b] = await Promise.all([stat(one, { bigint: true }), stat(other, { bigint: true })]);
    return a.ino === b.ino && a.dev === b.dev;
  } catch (error) {
    if (isMissing(error)) return false;
    throw error;
  }
}

/** By a manifest of this run. Under any other one, our files are as unpublished as without. */
async function isPublished(job: BackupJob, manifest: string): Promise<boolean> {
  try {
    return (await readManifest(manifest))?.runId === job.runId;
  } catch (error) {
    if (error instanceof HozenError && error.code === 'ARTEFACT_CORRUPT') return false;
    throw error;
  }
}

function isOfManifest(partial: string): boolean {
  return partialOwner(partial)?.final.endsWith(MANIFEST) ?? false;
}

async function removeAll(directory: string, names: string[]): Promise<void> {
  for (const name of names) await rm(join(directory, name), { force: true });
  await syncDirectory(directory);
}

async function namesIn(directory: string): Promise<string[]> {
  try {
    return await readdir(directory);
  } catch (error) {
    if (isMissing(error)) return [];
    throw error;
  }
}
