import { readdir, readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import {
  type ArtefactOwner,
  dataPathOf,
  MANIFEST_SUFFIX,
  partialOwner,
  type ArtefactPaths,
} from '../artefact-paths.js';
import { isManifestOf } from '../conflict.js';
import { syncDirectory } from './durable.js';
import { isMissing } from '../storage-error.js';

/**
 * Removes what attempts of this run up to `epoch` left behind: partial files, and data, checksum or signature that stand under
 * their final names without a manifest.
 *
 * Whose a final file without a manifest is, its partial file tells: it is a second link to the same file and is kept
 * until the manifest stands. So partials go last, and a crash in between leaves the proof of ownership. The manifest's
 * partial goes first: an owner that was paused just before it publishes then finds nothing to link.
 */
export async function removeLeftovers(
  { directory }: Pick<ArtefactPaths, 'directory'>,
  owner: ArtefactOwner,
  epoch: number,
): Promise<void> {
  const partials = (await namesIn(directory)).filter((name) => {
    const whose = partialOwner(name);
    return whose?.runId === owner.runId && whose.epoch <= epoch;
  });
  if (partials.length === 0) return;
  await removeAll(directory, partials.filter(isOfManifest));
  for (const partial of partials.filter((name) => !isOfManifest(name))) {
    const final = partialOwner(partial)?.final ?? '';
    if (await isPublished(owner, join(directory, `${dataPathOf(final)}${MANIFEST_SUFFIX}`))) continue;
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

async function isPublished(owner: ArtefactOwner, manifest: string): Promise<boolean> {
  return isManifestOf(owner.runId, await readIfThere(manifest), manifest);
}

export async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

function isOfManifest(partial: string): boolean {
  return partialOwner(partial)?.final.endsWith(MANIFEST_SUFFIX) ?? false;
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
