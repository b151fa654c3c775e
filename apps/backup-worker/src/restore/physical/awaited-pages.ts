import { IncrementalHeadReader, PAGE_BYTES, restoredPages } from '../../methods/postgres-physical/incremental-file.js';
import { Overlay } from './overlay.js';
import type { PageSpool } from './page-spool.js';
import type { RestoredFile } from './restored-file.js';

/** Pages of one file that one backup brought: their numbers, rising, and the pages in the same order. */
interface Bundle {
  count: number;
  numbersAt: number;
  pagesAt: number;
}

/** Pages of a file that wait until an earlier backup brings the file itself. */
export class AwaitedPages {
  /** Of different pages: of each the newest one is kept. */
  readonly #bundles: Bundle[] = [];
  /** Pages of the file as it is to be. */
  #length: number | undefined;
  /** Pages of earlier backups from here on were cut off in the meantime. */
  #limit = Number.POSITIVE_INFINITY;

  constructor(
    /** Where the file comes. */
    readonly path: string,
    private readonly spool: PageSpool,
  ) {}

  /** Bytes of the file as it is to be. */
  get bytes(): number {
    return (this.#length ?? 0) * PAGE_BYTES;
  }

  /** Takes the pages of the next older backup. */
  older(): RestoredFile {
    return new OlderPages(this.path, this.spool, {
      needed: async (pages) => {
        const known = await this.#known();
        return pages.filter((page) => page < this.#limit && !known.has(page));
      },
      add: (bundle, length) => {
        if (bundle.count > 0) this.#bundles.push(bundle);
        this.#length ??= length;
        this.#limit = Math.min(this.#limit, length);
      },
    });
  }

  /** Puts pages over what an earlier backup has, as it comes from the beginning on. */
  async overlay(): Promise<Overlay> {
    const bundles = await Promise.all(
      this.#bundles.map(async (bundle) => ({ ...bundle, numbers: await numbersOf(bundle, this.spool) })),
    );
    return new Overlay(bundles, this.#limit * PAGE_BYTES, this.spool);
  }

  async #known(): Promise<Set<number>> {
    const all = await Promise.all(this.#bundles.map((bundle) => numbersOf(bundle, this.spool)));
    return new Set(all.flatMap((numbers) => [...numbers]));
  }
}

async function numbersOf({ count, numbersAt }: Bundle, spool: PageSpool): Promise<Uint32Array> {
  const numbers = new Uint32Array(count);
  await spool.read(Buffer.from(numbers.buffer), numbersAt);
  return numbers;
}

interface Wanted {
  /** Of these pages those that no newer backup has. */
  needed(pages: readonly number[]): Promise<number[]>;
  /** @param length pages of the file when that backup was made */
  add(bundle: Bundle, length: number): void;
}

/** Sets those pages of an incremental file aside that no newer backup has. */
class OlderPages implements RestoredFile {
  readonly #head = new IncrementalHeadReader();
  /** Bytes of pages so far. */
  #bytes = 0;
  #needed: number[] = [];
  /** Of the needed ones so far. */
  #kept = 0;
  #bundle: Bundle | undefined;

  constructor(
    private readonly path: string,
    private readonly spool: PageSpool,
    private readonly wanted: Wanted,
  ) {}

  async push(bytes: Buffer): Promise<void> {
    const { head } = this.#head;
    if (head) return this.#pages(bytes, head.pages);
    const taken = this.#head.push(bytes);
    const whole = this.#head.head;
    if (!whole) return;
    this.#needed = await this.wanted.needed(whole.pages);
    const numbersAt = this.spool.size;
    await this.spool.append(Buffer.from(Uint32Array.from(this.#needed).buffer));
    this.#bundle = { count: this.#needed.length, numbersAt, pagesAt: this.spool.size };
    await this.#pages(bytes.subarray(taken), whole.pages);
  }

  end(): Promise<void> {
    const { head } = this.#head;
    if (!head || !this.#bundle || this.#bytes !== head.pages.length * PAGE_BYTES) {
      return Promise.reject(new RangeError(`${this.path}: cut off`));
    }
    this.wanted.add(this.#bundle, restoredPages(head));
    return Promise.resolve();
  }

  abandon(): Promise<void> {
    return Promise.resolve();
  }

  async #pages(bytes: Buffer, pages: readonly number[]): Promise<void> {
    for (let read = 0; read < bytes.length;) {
      const page = pages[Math.floor(this.#bytes / PAGE_BYTES)];
      if (page === undefined) throw new RangeError(`${this.path}: more pages than it says`);
      const left = PAGE_BYTES - (this.#bytes % PAGE_BYTES);
      const length = Math.min(bytes.length - read, left);
      if (this.#needed[this.#kept] === page) {
        const wait = this.spool.append(bytes.subarray(read, read + length));
        if (wait) await wait;
        if (length === left) this.#kept++;
      }
      read += length;
      this.#bytes += length;
    }
  }
}
