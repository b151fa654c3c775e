import { createHash } from 'node:crypto';
import type { ByteSource } from '../artefact/byte-source.js';
import { ALIGNED_BYTES, alignedPairs, type AlignedPair } from './file/aligned-buffer.js';
import type { Storage } from './storage.js';

/** Reads an artefact once from its beginning to its end, with the SHA-256 of it. */
export class SequentialReader implements AsyncDisposable {
  readonly #hash = createHash('sha256');
  readonly #buffers: AlignedPair;
  #next: Promise<number>;
  /** The side that is read from; the other one is being filled. */
  #side: 0 | 1 = 1;
  #position = 0;
  #at = 0;
  #held = 0;

  private constructor(private readonly source: ByteSource) {
    this.#buffers = source.piece === ALIGNED_BYTES ? alignedPairs.take() : newPair(source.piece);
    this.#next = this.#fill(0);
  }

  static async open(storage: Storage, path: string): Promise<SequentialReader> {
    return new SequentialReader(await storage.source(path, 'sequential'));
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
    await this.source[Symbol.asyncDispose]();
    if (this.source.piece === ALIGNED_BYTES) alignedPairs.give(this.#buffers);
  }

  /** Takes what was read ahead, and reads ahead again. */
  async #turn(): Promise<boolean> {
    this.#held = await this.#next;
    this.#at = 0;
    if (this.#held === 0) return false;
    this.#position += this.#held;
    this.#side = this.#side === 0 ? 1 : 0;
    const other = this.#side === 0 ? 1 : 0;
    this.#next = this.#fill(other);
    this.#next.catch(() => undefined);
    return true;
  }

  #fill(side: 0 | 1): Promise<number> {
    return this.source.readInto(this.#buffers[side], this.#position);
  }
}

function newPair(bytes: number): AlignedPair {
  return [Buffer.allocUnsafeSlow(bytes), Buffer.allocUnsafeSlow(bytes)];
}
