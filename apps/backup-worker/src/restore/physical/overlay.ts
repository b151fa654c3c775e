import { Pool } from '../../artefact/pooled.js';
import { PAGE_BYTES } from '../../methods/postgres-physical/incremental-file.js';
import type { PageSpool } from './page-spool.js';

/** Pages that are read at one time. */
const STEP = 32;
const MEMORY = new Pool(() => Buffer.allocUnsafeSlow(STEP * PAGE_BYTES));

/** Puts pages over what an earlier backup has of a file, as it comes from its beginning on. */
export class Overlay {
  readonly #bundles: { numbers: Uint32Array; pagesAt: number; next: number }[];

  constructor(
    bundles: readonly { numbers: Uint32Array; pagesAt: number }[],
    /** Bytes that the earlier backup's file may bring. */
    private readonly limit: number,
    private readonly spool: PageSpool,
  ) {
    this.#bundles = bundles.map((bundle) => ({ ...bundle, next: 0 }));
  }

  /** @param bytes the next of the file @param at where they are in it */
  async over(bytes: Buffer, at: number): Promise<void> {
    if (at + bytes.length > this.limit) bytes.fill(0, Math.max(0, this.limit - at));
    if (this.#bundles.length === 0) return;
    const memory = MEMORY.take();
    try {
      await this.#lay(bytes, at, memory);
    } finally {
      MEMORY.give(memory);
    }
  }

  async #lay(bytes: Buffer, at: number, memory: Buffer): Promise<void> {
    const end = at + bytes.length;
    for (const bundle of this.#bundles) {
      const { numbers } = bundle;
      for (;;) {
        while (endOf(numbers[bundle.next]) <= at) bundle.next++;
        let count = 0;
        while (count < STEP && startOf(numbers[bundle.next + count]) < end) count++;
        if (count === 0) break;
        const pages = memory.subarray(0, count * PAGE_BYTES);
        await this.spool.read(pages, bundle.pagesAt + bundle.next * PAGE_BYTES);
        for (let index = 0; index < count; index++) {
          const from = startOf(numbers[bundle.next + index]);
          const begin = Math.max(at, from);
          const stop = Math.min(end, from + PAGE_BYTES);
          pages.copy(bytes, begin - at, index * PAGE_BYTES + begin - from, index * PAGE_BYTES + stop - from);
        }
        // The last one may go on in the next bytes.
        const isCut = endOf(numbers[bundle.next + count - 1]) > end;
        bundle.next += isCut ? count - 1 : count;
        if (isCut) break;
      }
    }
  }
}

function startOf(page: number | undefined): number {
  return page === undefined ? Number.POSITIVE_INFINITY : page * PAGE_BYTES;
}

function endOf(page: number | undefined): number {
  return startOf(page) + PAGE_BYTES;
}
