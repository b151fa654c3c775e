import { createHash } from 'node:crypto';
import { constants, open, type FileHandle } from 'node:fs/promises';
import { ALIGNED_BYTES, alignedPairs, ALIGNMENT } from './aligned-buffer.js';

/**
 * Reads a file once from its beginning to its end, with the SHA-256 of it. Past the page cache where the file system
 * can: what is checked is what the disk holds, not what memory remembers of the writing.
 */
export class SequentialReader implements AsyncDisposable {
  readonly #hash = createHash('sha256');
  readonly #buffers = alignedPairs.take();
  #next: Promise<number>;
  /** The side that is read from; the other one is being filled. */
  #side: 0 | 1 = 1;
  #position = 0;
  #at = 0;
  #held = 0;

  private constructor(private readonly handle: FileHandle) {
    this.#next = this.#fill(0);
  }

  static async open(path: string): Promise<SequentialReader> {
    return new SequentialReader(await openDirect(path));
  }

  /** Fills `bytes` with what comes next. @throws RangeError when the file ends before */
  async read(bytes: Buffer): Promise<void> {
    const { length } = bytes;
    for (let done = 0; done < length;) {
      if (this.#at === this.#held && !(await this.#turn())) throw new RangeError('cut off');
      const copied = this.#buffers[this.#side].copy(bytes, done, this.#at, this.#held);
      const taken = Math.min(copied, length - done);
      done += taken;
      this.#at += taken;
    }
    this.#hash.update(bytes);
  }

  /** SHA-256 of all that was read. */
  digest(): string {
    return this.#hash.digest('hex');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#next.catch(() => undefined);
    await this.handle.close();
    alignedPairs.give(this.#buffers);
  }

  /** Takes what was read ahead, and reads ahead again. */
  async #turn(): Promise<boolean> {
    this.#held = await this.#next;
    this.#at = 0;
    if (this.#held === 0) return false;
    this.#position += this.#held;
    this.#side = this.#side === 0 ? 1 : 0;
    const other = this.#side === 0 ? 1 : 0;
    // A short read is the end of the file; beyond it direct I/O would ask for an unaligned place.
    this.#next = this.#held % ALIGNMENT === 0 ? this.#fill(other) : Promise.resolve(0);
    this.#next.catch(() => undefined);
    return true;
  }

  async #fill(side: 0 | 1): Promise<number> {
    const { bytesRead } = await this.handle.read(this.#buffers[side], 0, ALIGNED_BYTES, this.#position);
    return bytesRead;
  }
}

async function openDirect(path: string): Promise<FileHandle> {
  try {
    return await open(path, constants.O_RDONLY | constants.O_DIRECT);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EINVAL') throw error;
    return open(path, 'r');
  }
}
