import { TAR_BLOCK } from './tar.js';

const MAX_PART = 2 * 1024 * 1024;
const MIN_PART = 512 * 1024;
/** Together the parts that are being filled stay below this. */
const FILLING = 16 * 1024 * 1024;

/** Buffers of one part each, used again and again. */
export class PartBuffers {
  readonly #spare: Buffer[] = [];

  private constructor(readonly partBytes: number) {}

  /** Parts small enough that `streams` of them may be open at once. */
  static for(streams: number): PartBuffers {
    const share = Math.floor(FILLING / Math.max(1, streams) / TAR_BLOCK) * TAR_BLOCK;
    return new PartBuffers(Math.min(MAX_PART, Math.max(MIN_PART, share)));
  }

  take(): Buffer {
    return this.#spare.pop() ?? Buffer.allocUnsafeSlow(TAR_BLOCK + this.partBytes);
  }

  give(buffer: Buffer): void {
    this.#spare.push(buffer);
  }
}
