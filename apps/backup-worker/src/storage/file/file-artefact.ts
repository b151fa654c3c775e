import { link, rm } from 'node:fs/promises';
import { HozenError } from '@hozen/contracts';
import { type ArtefactOwner, SIDE_KINDS, type ArtefactKind, type ArtefactPaths } from '../artefact-paths.js';
import { conflictAt } from '../conflict.js';
import { publishInOrder } from '../publish-in-order.js';
import type { ArtefactSink, ArtefactTexts, Fence } from '../storage.js';
import { isMissing, onStorage } from '../storage-error.js';
import { syncDirectory, writeDurably } from './durable.js';
import { FileSink } from './file-sink.js';
import { readIfThere } from './leftovers.js';

/** An artefact in the making: hidden partial files in the destination folder, for their owner only. */
export class FileArtefact implements ArtefactSink {
  private constructor(
    private readonly owner: ArtefactOwner,
    private readonly paths: ArtefactPaths,
    private readonly sink: FileSink,
  ) {}

  static async create(owner: ArtefactOwner, paths: ArtefactPaths): Promise<FileArtefact> {
    return new FileArtefact(owner, paths, await FileSink.create(paths.partial('data')));
  }

  write(bytes: Buffer): Promise<void> {
    return this.sink.write(bytes);
  }

  finish(): Promise<{ bytes: number; sha256: string }> {
    return this.sink.finish();
  }

  abort(): Promise<void> {
    return this.sink.abort();
  }

  publish(texts: ArtefactTexts, fence: Fence): Promise<void> {
    return onStorage(this.paths.data, async () => {
      for (const kind of [...SIDE_KINDS, 'manifest'] as const) {
        const text = texts[kind];
        if (text !== undefined) await writeDurably(this.paths.partial(kind), text);
      }
      await publishInOrder(this.owner.kinds, fence, (kind) => this.#show(kind));
      await this.#removePartials();
    });
  }

  async #show(kind: ArtefactKind): Promise<void> {
    const { paths, owner } = this;
    try {
      await link(paths.partial(kind), paths[kind]);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EEXIST') {
        throw conflictAt(owner, paths[kind], await readIfThere(paths.manifest).catch(() => undefined));
      }
      // A later owner of this run has cleaned up behind us.
      if (isMissing(error)) throw new HozenError('LEASE_LOST', {}, { cause: error });
      throw error;
    }
    await syncDirectory(paths.directory);
  }

  async #removePartials(): Promise<void> {
    for (const kind of this.owner.kinds.toReversed()) await rm(this.paths.partial(kind), { force: true });
    await syncDirectory(this.paths.directory);
  }
}
