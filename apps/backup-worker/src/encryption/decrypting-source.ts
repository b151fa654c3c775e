import { readExactly, type ByteSource } from '../artefact/byte-source.js';
import { CHUNK, openChunk, SEALED_CHUNK } from './chunks.js';
import type { Payload } from './payload.js';

/** Chunks that are read at one time. */
const AT_A_TIME = 32;

/** The decrypted bytes of an age file, any part of them. Offsets and size are those of what was encrypted. */
export class DecryptingSource implements ByteSource {
  readonly piece = AT_A_TIME * CHUNK;

  constructor(
    private readonly inner: ByteSource,
    private readonly payload: Payload,
  ) {}

  get size(): number {
    return this.payload.bytes;
  }

  /** @throws RangeError where the file is damaged: nothing of a chunk is believed before all of it is checked */
  async readInto(buffer: Buffer, offset: number): Promise<number> {
    const wanted = Math.max(0, Math.min(buffer.length, this.size - offset));
    let done = 0;
    while (done < wanted) {
      const first = Math.floor((offset + done) / CHUNK);
      const last = Math.floor((offset + wanted - 1) / CHUNK);
      done += await this.#readChunks(first, Math.min(last, first + AT_A_TIME - 1), buffer, offset, wanted);
    }
    return wanted;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.inner[Symbol.asyncDispose]();
  }

  async #readChunks(first: number, last: number, into: Buffer, offset: number, wanted: number): Promise<number> {
    const { key, chunks, offset: start } = this.payload;
    const at = start + first * SEALED_CHUNK;
    const end = Math.min(this.inner.size, start + (last + 1) * SEALED_CHUNK);
    const sealed = await readExactly(this.inner, at, end - at);
    let copied = 0;
    for (let chunk = first; chunk <= last; chunk++) {
      const from = (chunk - first) * SEALED_CHUNK;
      const plain = openChunk(key, sealed.subarray(from, from + SEALED_CHUNK), chunk, chunk === chunks - 1);
      const place = chunk * CHUNK - offset;
      copied += plain.copy(into, Math.max(0, place), Math.max(0, -place), Math.min(plain.length, wanted - place));
    }
    return copied;
  }
}
