import { constants, open, rm, type FileHandle } from 'node:fs/promises';
import { ALIGNED_BYTES, alignedPairs, ALIGNMENT, isRefused, type AlignedPair } from './aligned-buffer.js';
import { writeAll } from './write-all.js';

const CREATE = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL;

/**
 * Writes a new file in big aligned pieces past the page cache: a backup neither pushes the database out of memory nor
 * pays for copies that nobody reads. File systems that cannot do that are written as usual.
 */
export class DirectFile {
  /** Undefined once they are given back. */
  #buffers: AlignedPair | undefined = alignedPairs.take();
  #current: 0 | 1 = 0;
  #filled = 0;
  #position = 0;
  #writing: Promise<void> = Promise.resolve();

  private constructor(
    private readonly path: string,
    private readonly handle: FileHandle,
    private readonly direct: boolean,
  ) {}

  static async create(path: string, mode: number): Promise<DirectFile> {
    try {
      return new DirectFile(path, await open(path, CREATE | constants.O_DIRECT, mode), true);
    } catch (error) {
      if (!isRefused(error)) throw error;
      // Linux may have created it before it found that it cannot be written directly.
      await rm(path, { force: true });
      return new DirectFile(path, await open(path, CREATE, mode), false);
    }
  }

  async write(bytes: Buffer): Promise<void> {
    for (let from = 0; from < bytes.length;) {
      const copied = bytes.copy(this.#buffer(), this.#filled, from);
      from += copied;
      this.#filled += copied;
      if (this.#filled === ALIGNED_BYTES) await this.#turn();
    }
  }

  /** Writes what is left, syncs and closes. */
  async finish(): Promise<void> {
    await this.#writing;
    const rest = this.#buffer().subarray(0, this.#filled);
    const aligned = this.direct ? rest.length - (rest.length % ALIGNMENT) : rest.length;
    await writeAll(this.handle, rest.subarray(0, aligned), this.#position);
    if (aligned < rest.length) await this.#writeTail(rest.subarray(aligned), this.#position + aligned);
    await this.handle.sync();
    await this.handle.close();
    this.#giveBack();
  }

  async close(): Promise<void> {
    await this.#writing.catch(() => undefined);
    await this.handle.close().catch(() => undefined);
    this.#giveBack();
  }

  /** The one that is being filled. */
  #buffer(): Buffer {
    if (!this.#buffers) throw new Error('the file is closed');
    return this.#buffers[this.#current];
  }

  #giveBack(): void {
    if (this.#buffers) alignedPairs.give(this.#buffers);
    this.#buffers = undefined;
  }

  /** Hands the full buffer to the disk, once the one before is written. */
  async #turn(): Promise<void> {
    await this.#writing;
    this.#writing = writeAll(this.handle, this.#buffer(), this.#position);
    // Looked at by whoever waits for it next.
    this.#writing.catch(() => undefined);
    this.#position += ALIGNED_BYTES;
    this.#filled = 0;
    this.#current = this.#current === 0 ? 1 : 0;
  }

  async #writeTail(bytes: Buffer, position: number): Promise<void> {
    const buffered = await open(this.path, 'r+');
    try {
      await writeAll(buffered, bytes, position);
      await buffered.sync();
    } finally {
      await buffered.close();
    }
  }
}
