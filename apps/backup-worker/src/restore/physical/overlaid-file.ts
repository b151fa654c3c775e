import { SharedBytes } from '../../artefact/shared-bytes.js';
import type { AwaitedPages } from './awaited-pages.js';
import type { Overlay } from './overlay.js';
import type { RestoredFile } from './restored-file.js';

/** Bytes that are made up at one time. */
const GROWTH = 1024 * 1024;

/** A file that comes whole from an earlier backup, with the pages that newer ones have in it, and the length it is to have. */
export class OverlaidFile implements RestoredFile {
  #overlay: Overlay | undefined;
  #at = 0;

  constructor(
    private readonly file: RestoredFile,
    private readonly pages: AwaitedPages,
  ) {}

  async push(bytes: Buffer, part: SharedBytes): Promise<void> {
    const kept = bytes.subarray(0, Math.max(0, this.pages.bytes - this.#at));
    if (kept.length === 0) return;
    this.#overlay ??= await this.pages.overlay();
    await this.#overlay.over(kept, this.#at);
    this.#at += kept.length;
    await this.file.push(kept, part);
  }

  /** What it has grown by comes in pages; where they do not, it is empty there. */
  async end(): Promise<void> {
    try {
      while (this.#at < this.pages.bytes) {
        const bytes = Buffer.alloc(Math.min(GROWTH, this.pages.bytes - this.#at));
        await this.push(bytes, new SharedBytes(bytes));
      }
    } catch (error) {
      await this.file.abandon();
      throw error;
    }
    await this.file.end();
  }

  abandon(): Promise<void> {
    return this.file.abandon();
  }
}
