import type { Compression } from '@hozen/contracts';
import type { Pace } from '../resources/pace.js';
import { packMember } from './members.js';
import type { Lent } from './pooled.js';

/** What a sink wrote. */
export interface WrittenFile {
  bytes: number;
  sha256: string;
  /** What it was given, where it wrote something else: encrypted. */
  plain?: { bytes: number; sha256: string };
}

/** Where the bytes of an artefact go. Writes come one at a time and in order. */
export interface ByteSink {
  /** Takes the bytes before it returns its promise's value: the caller may reuse them afterwards. */
  write(bytes: Buffer): Promise<void>;
  /** Resolves when everything is on disk. */
  finish(): Promise<WrittenFile>;
  /** Removes what was written. Never throws; may be called at any time and more than once. */
  abort(): Promise<void>;
}

/**
 * Packs members a few at a time in the thread pool and writes them in the order in which they were added.
 * The number in flight bounds the memory: `add` waits for a free place.
 */
export class MemberWriter {
  #tail: Promise<void> = Promise.resolve();
  #offset = 0;
  #failure: { error: unknown } | undefined;
  readonly #waiting: (() => void)[] = [];
  #free: number;

  constructor(
    private readonly sink: ByteSink,
    private readonly compression: Compression,
    private readonly level: number,
    inFlight: number,
    private readonly pace?: Pace['cpu'],
  ) {
    this.#free = inFlight;
  }

  /** Bytes written so far. */
  get offset(): number {
    return this.#offset;
  }

  /**
   * @param written Called when the member stands in the file; `raw` is free again then.
   * @throws what an earlier member failed with, too.
   */
  async add(raw: Buffer, written: (offset: number, storedBytes: number) => void): Promise<void> {
    await this.pace?.();
    await this.#place();
    if (this.#failure) {
      // The next in the queue has to see the failure too.
      this.#release();
      throw this.#failure.error;
    }
    const packing = packMember(raw, this.compression, this.level);
    // Packing may fail before its turn to be written comes; the failure is looked at then.
    packing.catch(() => undefined);
    this.#tail = this.#inTurn(this.#tail, packing, written);
  }

  /** Waits until every member is written. */
  async drain(): Promise<void> {
    await this.#tail;
    if (this.#failure) throw this.#failure.error;
  }

  async #inTurn(
    before: Promise<void>,
    packing: Promise<Lent>,
    written: (offset: number, storedBytes: number) => void,
  ): Promise<void> {
    await before;
    try {
      const packed = await packing;
      try {
        if (!this.#failure) await this.#append(packed.bytes, written);
      } finally {
        packed.free();
      }
    } catch (error) {
      this.#failure ??= { error };
    } finally {
      this.#release();
    }
  }

  async #append(bytes: Buffer, written: (offset: number, storedBytes: number) => void): Promise<void> {
    await this.sink.write(bytes);
    written(this.#offset, bytes.length);
    this.#offset += bytes.length;
  }

  async #place(): Promise<void> {
    if (this.#free > 0) {
      this.#free--;
      return;
    }
    await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  #release(): void {
    const next = this.#waiting.shift();
    if (next) next();
    else this.#free++;
  }
}
