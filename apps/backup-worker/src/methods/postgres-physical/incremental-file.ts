/** Bytes of a page in files and WAL; servers built with another size are refused. */
export const PAGE_BYTES = 8192;

/** A file of which only changed pages are kept has this before its own name. */
export const INCREMENTAL_PREFIX = 'INCREMENTAL.';

const INCREMENTAL_NAME = /(^|\/)INCREMENTAL\.([^/]+)$/;

/** The path of the file that pages belong to; any other path as it is. */
export function wholePath(path: string): string {
  return path.replace(INCREMENTAL_NAME, '$1$2');
}

/**
 * The backup_label of files to which an increment was added: lines that tell the server that it was put on nothing are
 * taken out.
 */
export function asWhole(label: string): string {
  return label.replace(/^INCREMENTAL FROM .*\n/gm, '');
}

const MAGIC = 0xd3ae1f0d;
/** Magic, number of pages, length. */
const FIXED_BYTES = 12;
const MOST_PAGES = 131_072;

/**
 * The head of a file as PostgreSQL 17 stores it in an incremental backup (src/include/backup/basebackup_incremental.h):
 * which pages follow, and how many pages the whole file has at least. pg_combinebackup reads it.
 */
export interface IncrementalHead {
  /** Numbers of the pages that follow, counted from the beginning of the file, rising. */
  pages: readonly number[];
  /** Pages of the whole file, when the last kept page is not beyond. */
  length: number;
}

export function incrementalHeadBytes(pages: number): number {
  const bytes = FIXED_BYTES + 4 * pages;
  return pages === 0 ? bytes : Math.ceil(bytes / PAGE_BYTES) * PAGE_BYTES;
}

export function writeIncrementalHead({ pages, length }: IncrementalHead): Buffer {
  const head = Buffer.alloc(incrementalHeadBytes(pages.length));
  head.writeUInt32LE(MAGIC, 0);
  head.writeUInt32LE(pages.length, 4);
  head.writeUInt32LE(length, 8);
  pages.forEach((page, index) => head.writeUInt32LE(page, FIXED_BYTES + 4 * index));
  return head;
}

/** Reads the head as its bytes come, and says when it is whole. */
export class IncrementalHeadReader {
  readonly #pieces: Buffer[] = [];
  #have = 0;
  #need = FIXED_BYTES;
  #head: IncrementalHead | undefined;

  /** Of the head, so far. */
  get bytes(): number {
    return this.#have;
  }

  /** Undefined until it is whole. */
  get head(): IncrementalHead | undefined {
    return this.#head;
  }

  /** @returns how many of the bytes belong to the head @throws RangeError */
  push(bytes: Buffer): number {
    let taken = 0;
    while (!this.#head && taken < bytes.length) {
      const piece = bytes.subarray(taken, taken + this.#need - this.#have);
      this.#pieces.push(Buffer.from(piece));
      this.#have += piece.length;
      taken += piece.length;
      if (this.#have === this.#need) this.#grow(Buffer.concat(this.#pieces));
    }
    return taken;
  }

  #grow(bytes: Buffer): void {
    if (bytes.readUInt32LE(0) !== MAGIC) throw new RangeError('not the beginning of an incremental file');
    const count = bytes.readUInt32LE(4);
    const length = bytes.readUInt32LE(8);
    if (count > MOST_PAGES || length > MOST_PAGES) throw new RangeError('an incremental file of too many pages');
    this.#need = incrementalHeadBytes(count);
    if (bytes.length < this.#need) return;
    const pages = Array.from({ length: count }, (_, index) => bytes.readUInt32LE(FIXED_BYTES + 4 * index));
    if (pages.some((page, index) => page >= MOST_PAGES || page <= (pages[index - 1] ?? -1))) {
      throw new RangeError('the pages of an incremental file are not in order');
    }
    this.#head = { pages, length };
  }
}

/** Pages that a file has once the kept ones are in their places. */
export function restoredPages({ pages, length }: IncrementalHead): number {
  return Math.max(length, (pages.at(-1) ?? -1) + 1);
}
