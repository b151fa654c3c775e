import { createHash } from 'node:crypto';
import type { SequentialReader } from '../storage/sequential-reader.js';
import { CHUNK, openChunk, SEALED_CHUNK, TAG } from './chunks.js';
import type { Payload } from './payload.js';

/** Decrypts an age file as it is read once from its beginning to its end, with the SHA-256 of what was encrypted. */
export class DecryptingReader {
  readonly #hash = createHash('sha256');
  readonly #sealed = Buffer.allocUnsafeSlow(SEALED_CHUNK);
  #chunk = 0;
  #plain: Buffer = Buffer.alloc(0);

  constructor(
    private readonly inner: SequentialReader,
    private readonly payload: Payload,
  ) {}

  /** Fills `bytes` with what comes next. @throws RangeError where the file is damaged or ends before */
  async read(bytes: Buffer): Promise<void> {
    for (let done = 0; done < bytes.length;) {
      if (this.#plain.length === 0) await this.#next();
      const copied = this.#plain.copy(bytes, done);
      done += copied;
      this.#plain = this.#plain.subarray(copied);
    }
    this.#hash.update(bytes);
  }

  /** SHA-256 of all that was read, decrypted. */
  digest(): string {
    return this.#hash.digest('hex');
  }

  async #next(): Promise<void> {
    const { key, chunks, bytes, offset } = this.payload;
    if (this.#chunk === 0) await this.inner.read(Buffer.allocUnsafe(offset));
    const chunk = this.#chunk++;
    if (chunk >= chunks) throw new RangeError('cut off');
    const sealed = this.#sealed.subarray(0, Math.min(CHUNK, bytes - chunk * CHUNK) + TAG);
    await this.inner.read(sealed);
    this.#plain = openChunk(key, sealed, chunk, chunk === chunks - 1);
    if (this.#plain.length === 0) throw new RangeError('cut off');
  }
}
