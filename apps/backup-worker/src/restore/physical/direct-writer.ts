import { constants, open, type FileHandle } from 'node:fs/promises';
import type { Pool } from '../../artefact/pooled.js';
import { SharedBytes } from '../../artefact/shared-bytes.js';
import { ALIGNED_BYTES, alignedBuffers, ALIGNMENT, isRefused } from '../../storage/file/aligned-buffer.js';
import { writeAll } from '../../storage/file/write-all.js';
import { Writes, type FileWriter } from './placed-writer.js';

const { O_WRONLY, O_CREAT, O_TRUNC, O_DIRECT } = constants;

/** Smaller files are better collected by the system. */
export const WORTH_DIRECT = 256 * 1024;
/**
 * Writes a new file past the page cache. What is restored is often larger than the memory: it would push out what the
 * other servers of the machine live from, and in the end everybody would wait until all of it is on the disk. Where the
 * file system refuses, the file is written like any other.
 */
export class DirectWriter implements FileWriter {
  readonly #writes = new Writes();
  /** One after the other: the system lets a file grow by one at a time, and others would only hold threads. */
  #last: Promise<void> = Promise.resolve();
  #piece: Buffer | undefined;
  #inPiece = 0;
  /** Where the piece comes. */
  #at = 0;
  /** Where everything goes that the disk does not take as it is. */
  #plain: FileHandle | undefined;

  constructor(
    private readonly path: string,
    private readonly opening: Promise<FileHandle>,
    private readonly memory: Pool<Buffer> = alignedBuffers,
  ) {
    opening.catch(() => undefined);
  }

  /** Pieces in their order, without gaps. */
  write(bytes: Buffer): Promise<void> | undefined {
    let wait: Promise<void> | undefined;
    for (let read = 0; read < bytes.length;) {
      const piece = (this.#piece ??= this.memory.take());
      const taken = bytes.copy(piece, this.#inPiece, read);
      this.#inPiece += taken;
      read += taken;
      if (this.#inPiece === ALIGNED_BYTES) wait = this.#send(piece) ?? wait;
    }
    return wait;
  }

  async end(): Promise<void> {
    await using _ = await this.opening;
    try {
      if (this.#piece) await this.#send(this.#piece);
      await this.#writes.end();
    } finally {
      await this.#plain?.close();
    }
  }

  #send(piece: Buffer): Promise<void> | undefined {
    const [bytes, at] = [piece.subarray(0, this.#inPiece), this.#at];
    this.#at += bytes.length;
    this.#inPiece = 0;
    this.#piece = undefined;
    const lent = new SharedBytes(bytes, () => this.memory.give(piece));
    const wait = this.#writes.begin(bytes.length, lent, () => {
      return (this.#last = this.#last.then(() => this.#put(bytes, at)));
    });
    lent.release();
    return wait;
  }

  async #put(bytes: Buffer, position: number): Promise<void> {
    // Only the end of the file need not be that of a block.
    if (this.#plain || bytes.length % ALIGNMENT !== 0) return this.#putPlain(bytes, position);
    try {
      await writeAll(await this.opening, bytes, position);
    } catch (error) {
      if (!isRefused(error)) throw error;
      await this.#putPlain(bytes, position);
    }
  }

  async #putPlain(bytes: Buffer, position: number): Promise<void> {
    await writeAll((this.#plain ??= await open(this.path, 'r+')), bytes, position);
  }
}

/** A new file that is written past the page cache, where its file system does that. */
export async function openDirect(path: string): Promise<FileHandle> {
  try {
    return await open(path, O_WRONLY | O_CREAT | O_TRUNC | O_DIRECT, 0o600);
  } catch (error) {
    if (!isRefused(error)) throw error;
    return open(path, 'w', 0o600);
  }
}
