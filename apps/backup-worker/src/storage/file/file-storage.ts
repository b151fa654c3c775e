import { access, constants, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { FileStorageSpec } from '@hozen/contracts';
import type { ByteSource } from '../../artefact/byte-source.js';
import type { BackupJob } from '../../job.js';
import { artefactPaths, MANIFEST_SUFFIX, removalOrder } from '../artefact-paths.js';
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

  check(job: BackupJob): Promise<string> {
    const { directory } = artefactPaths(job, this.spec);
    return onStorage(directory, async () => {
      await makeDirectory(directory);
      await access(directory, constants.W_OK);
      return directory;
    });
  }

  async open(job: BackupJob): Promise<ArtefactSink> {
    const paths = artefactPaths(job, this.spec);
    await onStorage(paths.directory, async () => {
      await makeDirectory(paths.directory);
      await removeLeftovers(paths, job, job.epoch);
    });
    return FileArtefact.create(job, paths);
  }

  readText(path: string): Promise<string | undefined> {
    return onStorage(path, () => readIfThere(path));
  }

  source(path: string, way: 'any' | 'sequential'): Promise<ByteSource> {
    return FileSource.open(path, way);
  }

  async *manifests(): AsyncGenerator<string> {
    const { path } = this.spec;
    const names = await onStorage(path, () => readdir(path, { recursive: true }));
    for (const name of names) if (name.endsWith(MANIFEST_SUFFIX)) yield join(path, name);
  }

  async remove(dataPath: string): Promise<void> {
    await onStorage(dataPath, async () => {
      for (const path of removalOrder(dataPath)) await removeDurably(path);
    });
  }

  discard(job: BackupJob, epoch: number, fence: Fence): Promise<void> {
    const paths = artefactPaths(job, this.spec);
    return onStorage(paths.data, () => discardFiles(paths, job, epoch, fence));
  }

  removeLeftovers(job: BackupJob, epoch: number): Promise<void> {
    return onStorage(this.spec.path, () => removeLeftovers(artefactPaths(job, this.spec), job, epoch));
  }
}
