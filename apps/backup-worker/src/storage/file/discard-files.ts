import { link, rm } from 'node:fs/promises';
import { parseManifest } from '../../artefact/manifest.js';
import { type ArtefactOwner, SIDE_KINDS, type ArtefactPaths } from '../artefact-paths.js';
import type { Fence } from '../storage.js';
import { syncDirectory } from './durable.js';
import { readIfThere, removeLeftovers } from './leftovers.js';

/** Takes back what this run published at `epoch`: see Storage.discard. */
export async function discardFiles(
  paths: ArtefactPaths,
  owner: ArtefactOwner,
  epoch: number,
  fence: Fence,
): Promise<void> {
  const text = await readIfThere(paths.manifest);
  const standing = text === undefined ? undefined : parseManifest(text, paths.manifest);
  if (standing?.runId !== owner.runId || standing.epoch !== epoch) return;
  fence.ensureLease();
  // Should this process die in between, the partial names tell the next owner that the rest is this run's to remove.
  await linkBack(paths.data, paths.partial('data'));
  for (const kind of SIDE_KINDS) await linkBack(paths[kind], paths.partial(kind));
  await syncDirectory(paths.directory);
  // A later owner may have proven it meanwhile, and told everybody.
  fence.ensureLease();
  await rm(paths.manifest, { force: true });
  await syncDirectory(paths.directory);
  await removeLeftovers(paths, owner, owner.epoch);
}

async function linkBack(final: string, partial: string): Promise<void> {
  try {
    await link(final, partial);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'EEXIST' && code !== 'ENOENT') throw error;
  }
}
