import { open, rm, type FileHandle } from 'node:fs/promises';
import { writeAll } from '../../storage/file/write-all.js';
import { PAGE_BYTES } from './incremental-file.js';

/** Changed pages of one file that are kept in memory; more go to a file of the spool. */
const IN_MEMORY = 16 * 1024 * 1024;
const SLAB = 1024 * 1024;

/**
 * Takes the pages of a relation's file and keeps those that may differ from what an earlier backup has: their LSN is not
 * before its start. A page without an LSN (new, or of an operation that writes no WAL) is kept too.
 *
 * Everything that changes a page gives it the LSN of its WAL record. Hint bits may change without: the old page says the
 * same then, only less readily.
 */
export class ChangedPages {
  readonly #page = Buffer.allocUnsafe(PAGE_BYTES);
  #filled = 0;
  #seen = 0;
  readonly #numbers: number[] = [];
  readonly #slabs: Buffer[] = [];
  #kept = 0;
  #spill: FileHandle | undefined;
  #spilled = 0;
  readonly #sinceHigh: number;
  readonly #sinceLow: number;

  /**
   * @param since start of the earlier backup
   * @param spillPath a file that may be made, and is removed again
   */
  constructor(
    since: bigint,
    private readonly spillPath: string,
  ) {
    this.#sinceHigh = Number(since >> 32n);
    this.#sinceLow = Number(since & 0xffff_ffffn);
  }

  /** Pages of the file so far. */
  get length(): number {
    return this.#seen;
  }

  /** More is kept of the file than fits in memory. */
  get isLarge(): boolean {
    return this.#spilled > 0;
  }

  get numbers(): readonly number[] {
    return this.#numbers;
  }

  /** Whether the page at this place must be kept. */
  isChanged(bytes: Buffer, at: number): boolean {
    // pd_lsn: two numbers in the byte order of the machine.
    const high = bytes.readUInt32LE(at);
    const low = bytes.readUInt32LE(at + 4);
    if (high === 0 && low === 0) return true;
    return high > this.#sinceHigh || (high === this.#sinceHigh && low >= this.#sinceLow);
  }

  /** Bytes however they are cut; used again when the call, or its promise, is done. */
  push(bytes: Buffer): Promise<void> | undefined {
    let read = 0;
    if (this.#filled > 0) {
      read = bytes.copy(this.#page, this.#filled, 0, PAGE_BYTES - this.#filled);
      this.#filled += read;
      if (this.#filled < PAGE_BYTES) return undefined;
      this.#filled = 0;
      this.#take(this.#page, 0);
    }
    for (; bytes.length - read >= PAGE_BYTES; read += PAGE_BYTES) this.#take(bytes, read);
    this.#filled = bytes.copy(this.#page, 0, read);
    return this.#kept >= IN_MEMORY ? this.#spillOver() : undefined;
  }

  /** So many pages come that are those of the earlier backup. */
  leaveOut(pages: number): void {
    this.#seen += pages;
  }

  /** The kept pages, in order. */
  async *content(): AsyncGenerator<Buffer> {
    if (this.#spill) yield* this.#spilledOver(this.#spill);
    yield* this.#inMemory();
  }

  /** Ready for the next file. */
  async reset(): Promise<void> {
    this.#filled = this.#seen = this.#kept = this.#spilled = 0;
    this.#numbers.length = 0;
    if (!this.#spill) return;
    await this.#spill.close();
    this.#spill = undefined;
    await rm(this.spillPath, { force: true });
  }

  #take(bytes: Buffer, at: number): void {
    const number = this.#seen++;
    if (!this.isChanged(bytes, at)) return;
    this.#numbers.push(number);
    const slab = (this.#slabs[Math.floor(this.#kept / SLAB)] ??= Buffer.allocUnsafeSlow(SLAB));
    bytes.copy(slab, this.#kept % SLAB, at, at + PAGE_BYTES);
    this.#kept += PAGE_BYTES;
  }

  async #spillOver(): Promise<void> {
    this.#spill ??= await open(this.spillPath, 'w+', 0o600);
    for (const bytes of this.#inMemory()) {
      await writeAll(this.#spill, bytes, this.#spilled);
      this.#spilled += bytes.length;
    }
    this.#kept = 0;
  }

  async *#spilledOver(spill: FileHandle): AsyncGenerator<Buffer> {
    const slab = Buffer.allocUnsafeSlow(SLAB);
    for (let at = 0; at < this.#spilled;) {
      const { bytesRead } = await spill.read(slab, 0, SLAB, at);
      if (bytesRead === 0) throw new Error(`${this.spillPath} is shorter than what was written to it`);
      at += bytesRead;
      yield slab.subarray(0, bytesRead);
    }
  }

  *#inMemory(): Generator<Buffer> {
    for (let at = 0; at < this.#kept; at += SLAB) {
      const slab = this.#slabs[at / SLAB];
      if (slab) yield slab.subarray(0, Math.min(SLAB, this.#kept - at));
    }
  }
}
