import { access, constants, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { FileStorageSpec } from '@hozen/contracts';
import type { ByteSource } from '../../artefact/byte-source.js';
import { type ArtefactOwner, pathsIn, removalOrder } from '../artefact-paths.js';
import type { ArtefactSink, Fence, Storage } from '../storage.js';
import { onStorage } from '../storage-error.js';
import { discardFiles } from './discard-files.js';
import { makeDirectory, removeDurably } from './durable.js';
import { FileArtefact } from './file-artefact.js';
import { FileSource } from './file-source.js';
import { readIfThere, removeLeftovers } from './leftovers.js';

/** Artefacts in a folder. */
export class FileStorage implements Storage {
  constructor(private readonly spec: FileStorageSpec) {}

  check(owner: ArtefactOwner): Promise<string> {
    const { directory } = pathsIn(this.spec, owner);
    return onStorage(directory, async () => {
      await makeDirectory(directory);
      await access(directory, constants.W_OK);
      return directory;
    });
  }

  async open(owner: ArtefactOwner): Promise<ArtefactSink> {
    const paths = pathsIn(this.spec, owner);
    await onStorage(paths.directory, async () => {
      await makeDirectory(paths.directory);
      await removeLeftovers(paths, owner, owner.epoch);
    });
    return FileArtefact.create(owner, paths);
  }

  readText(path: string): Promise<string | undefined> {
    return onStorage(path, () => readIfThere(path));
  }

  source(path: string, way: 'any' | 'sequential'): Promise<ByteSource> {
    return FileSource.open(path, way);
  }

  async *files(): AsyncGenerator<string> {
    const { path } = this.spec;
    const entries = await onStorage(path, () => readdir(path, { recursive: true, withFileTypes: true }));
    for (const entry of entries) if (!entry.isDirectory()) yield join(entry.parentPath, entry.name);
  }

  async remove(dataPath: string): Promise<void> {
    await onStorage(dataPath, async () => {
      for (const path of removalOrder(dataPath)) await removeDurably(path);
    });
  }

  discard(owner: ArtefactOwner, epoch: number, fence: Fence): Promise<void> {
    const paths = pathsIn(this.spec, owner);
    return onStorage(paths.data, () => discardFiles(paths, owner, epoch, fence));
  }

  removeLeftovers(owner: ArtefactOwner, epoch: number): Promise<void> {
    return onStorage(this.spec.path, () => removeLeftovers(pathsIn(this.spec, owner), owner, epoch));
  }
}
