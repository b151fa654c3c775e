import { constants, open, type FileHandle } from 'node:fs/promises';
import { ALIGNMENT, loadAlignedMemory } from '../../artefact/aligned.js';
import { Pool } from '../../artefact/pooled.js';

const { O_RDONLY, O_DIRECT, O_NOFOLLOW } = constants;

/** Bytes that are read at one time, at most. */
export const READ_STEP = 1024 * 1024;

let loading: Promise<Pool<Buffer>> | undefined;

/** Memory for {@link READ_STEP} bytes, wherever in a file they lie. */
export function loadReadMemory(): Promise<Pool<Buffer>> {
  return (loading ??= loadAlignedMemory().then((aligned) => new Pool(() => aligned(READ_STEP + 2 * ALIGNMENT))));
}

/**
 * Reads a file past the page cache: a data directory is read once, from end to end, and what other servers have in memory would have to
 * go for it. Where the file system refuses, it is read like any other.
 */
export class DirectReader implements AsyncDisposable {
  #plain: Promise<FileHandle> | undefined;

  private constructor(
    private readonly path: string,
    private readonly handle: FileHandle,
  ) {}

  /** Of a file itself, not of what a link leads to. */
  static async open(path: string): Promise<DirectReader> {
    try {
      return new DirectReader(path, await open(path, O_RDONLY | O_DIRECT | O_NOFOLLOW));
    } catch (error) {
      if (!isRefused(error)) throw error;
      return new DirectReader(path, await open(path, O_RDONLY | O_NOFOLLOW));
    }
  }

  /** @param memory of {@link loadReadMemory} @returns part of it; fewer bytes where the file ends */
  async read(memory: Buffer, position: number, bytes: number): Promise<Buffer> {
    const before = position % ALIGNMENT;
    const wanted = before + bytes;
    const into = memory.subarray(0, Math.ceil(wanted / ALIGNMENT) * ALIGNMENT);
    const found = await this.#fill(into, position - before);
    return memory.subarray(before, Math.max(before, Math.min(wanted, found)));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.handle.close();
    await (await this.#plain)?.close();
  }

  async #fill(into: Buffer, position: number): Promise<number> {
    try {
      return await filled((await this.#plain) ?? this.handle, into, position);
    } catch (error) {
      if (!isRefused(error)) throw error;
      return filled(await (this.#plain ??= open(this.path, O_RDONLY | O_NOFOLLOW)), into, position);
    }
  }
}

async function filled(handle: FileHandle, into: Buffer, position: number): Promise<number> {
  for (let done = 0; done < into.length;) {
    const { bytesRead } = await handle.read(into, done, into.length - done, position + done);
    done += bytesRead;
    // Only the end of a file is within a block; nothing that begins there is read from the disk.
    if (bytesRead === 0 || done % ALIGNMENT !== 0) return done;
  }
  return into.length;
}

function isRefused(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === 'EINVAL';
}
