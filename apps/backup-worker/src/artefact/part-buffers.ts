import { TAR_BLOCK } from './tar.js';

/** No part is larger. */
export const MAX_PART = 2 * 1024 * 1024;
const MIN_PART = 512 * 1024;
/** Together the parts that are being filled stay below this. */
const FILLING = 16 * 1024 * 1024;

/**
 * Buffers of one part each, used again and again, by one artefact after the other: some megabytes of new memory at the
 * beginning of a run would have the garbage collector walk through the whole service just then.
 */
export class PartBuffers {
  static readonly #bySize = new Map<number, PartBuffers>();
  readonly #spare: Buffer[] = [];

  private constructor(readonly partBytes: number) {}

  /** Parts small enough that `streams` of them may be open at once. */
  static for(streams: number): PartBuffers {
    const share = Math.floor(FILLING / Math.max(1, streams) / TAR_BLOCK) * TAR_BLOCK;
    const bytes = Math.min(MAX_PART, Math.max(MIN_PART, share));
    const buffers = PartBuffers.#bySize.get(bytes) ?? new PartBuffers(bytes);
    PartBuffers.#bySize.set(bytes, buffers);
    return buffers;
  }

  take(): Buffer {
    return this.#spare.pop() ?? Buffer.allocUnsafeSlow(TAR_BLOCK + this.partBytes);
  }

  give(buffer: Buffer): void {
    this.#spare.push(buffer);
  }
}
