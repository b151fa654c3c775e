import { mkdir, readdir, rm } from 'node:fs/promises';
import { HozenError } from '@hozen/contracts';
import { findProgram, toolOutput } from '@hozen/dbms';
import { inSpan } from '@hozen/telemetry';
import { ArtefactFile, corrupt } from '../../artefact/artefact-file.js';
import { fullPath } from '../../methods/files/byte-text.js';
import { DELETED } from '../../methods/files/copy-tree.js';
import { isInside } from '../../methods/files/listing.js';
import type { CommittedArtefact } from '../../storage/committed-artefact.js';
import { makeWritable } from '../../storage/file/remove-tree.js';
import { unpackTree, type NotSet } from './unpack-tree.js';

export interface TreeRestore {
  /** The full backup first, then each that builds on the one before. */
  chain: readonly CommittedArtefact[];
  /** Missing or empty. */
  directory: string;
  signal: AbortSignal;
  progress: (update: { bytes: number; expectedBytes: number; item: string }) => void;
}

/**
 * Puts a tree of files back: the full copy, and over it what changed. Nothing is synced.
 * @throws HozenError RESTORE_IMPOSSIBLE when the directory is not empty; ARTEFACT_MISSING, ARTEFACT_CORRUPT, DISK_FULL, and
 * of the STORAGE_ and TOOL_ codes
 */
export async function restoreTree({ chain, directory, signal, progress }: TreeRestore): Promise<NotSet> {
  return inSpan('restore tree', { attributes: { 'file.path': directory, 'hozen.chain': chain.length } }, async () => {
    await mkdir(directory, { recursive: true, mode: 0o700 });
    if ((await readdir(directory)).length > 0) {
      throw new HozenError('RESTORE_IMPOSSIBLE', { target: directory, what: 'the folder is not empty' });
    }
    const expectedBytes = chain.reduce((sum, { originalBytes }) => sum + originalBytes, 0);
    let bytes = 0;
    const notSet: NotSet = { owners: false, devices: false, attributes: false };
    for (const artefact of chain) {
      signal.throwIfAborted();
      await using file = await ArtefactFile.open(artefact);
      if (artefact !== chain[0]) await clearTheWay(file, directory);
      const onBytes = (more: number) => progress({ bytes: (bytes += more), expectedBytes, item: artefact.path });
      const { owners, devices, attributes } = await unpackTree(file, { directory, signal, onBytes });
      notSet.owners ||= owners;
      notSet.devices ||= devices;
      notSet.attributes ||= attributes;
    }
    return notSet;
  });
}

/** Links come with every backup again. Without any, nothing is removed or written through one. */
async function clearTheWay(file: ArtefactFile, directory: string): Promise<void> {
  await toolOutput({ path: findProgram('find') ?? '/usr/bin/find', args: [directory, '-type', 'l', '-delete'] });
  await makeWritable(directory);
  const paths = (await file.readFile(DELETED)).toString('latin1').split('\0').slice(0, -1);
  for (const path of paths) {
    if (path === '.' || !isInside(path)) throw corrupt(file.path, `${DELETED}: a path in it leads out of the folder`);
    await rm(fullPath(directory, path), { recursive: true, force: true });
  }
}
