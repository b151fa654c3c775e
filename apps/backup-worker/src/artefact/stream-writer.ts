import { createHash, type Hash } from 'node:crypto';
import { isSummedInside, partName, type Part, type StreamFacts } from './artefact-index.js';
import type { RateLimit } from '../resources/rate-limit.js';
import type { MemberWriter } from './member-writer.js';
import type { PartBuffers } from './part-buffers.js';
import { paddingOf, TAR_BLOCK, writeTarHeader } from './tar.js';

/** Takes one stream of unknown length and cuts it into parts. One writer at a time. */
export class StreamWriter {
  readonly #hash: Hash | undefined;
  readonly #parts: Part[] = [];
  #cut = 0;
  #bytes = 0;
  #buffer: Buffer | undefined;
  #filled = 0;

  constructor(
    readonly name: string,
    private readonly members: MemberWriter,
    private readonly buffers: PartBuffers,
    /** Of its parts in the file; bare ones have no head, and stand together. */
    private readonly entry: { modifiedAt: Date; mode: number; bare: boolean },
    /** Of the source. */
    private readonly limit?: RateLimit,
  ) {
    this.#hash = isSummedInside(name) ? undefined : createHash('sha256');
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Copies the chunk. Returns a promise only when the caller has to wait: a part became full, or the source is read too fast. */
  write(chunk: Buffer): Promise<void> | undefined {
    this.#hash?.update(chunk);
    this.#bytes += chunk.length;
    const taken = this.#take(chunk, 0);
    const paid = this.limit?.take(chunk.length);
    return taken && paid ? Promise.all([taken, paid]).then(() => undefined) : (taken ?? paid);
  }

  /** Free memory of the part that is being filled: who reads straight into it saves a copy, and says {@link filled} then. */
  async room(): Promise<Buffer> {
    if (this.#filled === this.buffers.partBytes) await this.#flush(partName(this.name, this.#cut));
    const buffer = (this.#buffer ??= this.buffers.take());
    return buffer.subarray(TAR_BLOCK + this.#filled, TAR_BLOCK + this.buffers.partBytes);
  }

  /** So many bytes stand in {@link room}. @returns a promise when the source is read too fast */
  filled(bytes: number): Promise<void> | undefined {
    const from = TAR_BLOCK + this.#filled;
    if (this.#hash && this.#buffer) this.#hash.update(this.#buffer.subarray(from, from + bytes));
    this.#filled += bytes;
    this.#bytes += bytes;
    return this.limit?.take(bytes);
  }

  /** The facts are complete when the artefact's members are drained. */
  async end(): Promise<StreamFacts> {
    if (this.#cut === 0) await this.#flush(this.name);
    else if (this.#filled > 0) await this.#flush(partName(this.name, this.#cut));
    const sum = this.#hash ? { sha256: this.#hash.digest('hex') } : {};
    return { name: this.name, bytes: this.#bytes, ...sum, parts: this.#parts };
  }

  #take(chunk: Buffer, from: number): Promise<void> | undefined {
    const buffer = (this.#buffer ??= this.buffers.take());
    const end = Math.min(chunk.length, from + this.buffers.partBytes - this.#filled);
    chunk.copy(buffer, TAR_BLOCK + this.#filled, from, end);
    this.#filled += end - from;
    if (end === chunk.length) return undefined;
    // The part is full and there is more: so it is not the only one, and has a number.
    return this.#flush(partName(this.name, this.#cut)).then(() => this.#take(chunk, end));
  }

  async #flush(entry: string): Promise<void> {
    const { bare, mode, modifiedAt } = this.entry;
    const buffer = this.#buffer ?? this.buffers.take();
    const bytes = this.#filled;
    const padded = bytes + paddingOf(bytes);
    this.#buffer = undefined;
    this.#filled = 0;
    // Names are ours: every shell and every tar can say them.
    if (!/^[\x20-\x7e]+$/.test(entry)) throw new RangeError(`not a name for a stream: ${entry}`);
    writeTarHeader(buffer, { name: entry, size: bytes, mode, modifiedAt });
    buffer.fill(0, TAR_BLOCK + bytes, TAR_BLOCK + padded);
    const slot = this.#cut++;
    const part = bare ? buffer.subarray(TAR_BLOCK, TAR_BLOCK + bytes) : buffer.subarray(0, TAR_BLOCK + padded);
    await this.members.add(part, (offset, storedBytes) => {
      this.#parts[slot] = [offset, storedBytes, bytes];
      this.buffers.give(buffer);
    });
  }
}
