import { open, unlink, type FileHandle } from 'node:fs/promises';
import { Pool } from '../../artefact/pooled.js';
import { writeAll } from '../../storage/file/write-all.js';
import { inItsFolder } from './restored-file.js';

const SLAB = 1024 * 1024;
/** So many of them stay in memory: of most increments that is all. */
const IN_MEMORY = 16;

/**
 * Bytes that are set aside until they are needed: in memory while they are few, the others in a file without a name, of which
 * nothing is left however the process ends.
 */
export class PageSpool implements AsyncDisposable {
  /** By their numbers; those that are in the file are not here any more. */
  readonly #slabs = new Map<number, Buffer>();
  readonly #memory = new Pool<Buffer>(() => Buffer.allocUnsafeSlow(SLAB));
  #size = 0;
  #file: Promise<FileHandle> | undefined;

  /** @param path of a file that may be made, and is gone at once */
  constructor(private readonly path: string) {}

  /** Bytes so far: where the next ones come. */
  get size(): number {
    return this.#size;
  }

  /** Only one at a time. What is given is used again when the call, or its promise, is done. */
  append(bytes: Buffer): Promise<void> | undefined {
    let read = 0;
    while (read < bytes.length) {
      const number = Math.floor(this.#size / SLAB);
      const slab = this.#slabs.get(number) ?? this.#memory.take();
      this.#slabs.set(number, slab);
      const taken = bytes.copy(slab, this.#size % SLAB, read);
      this.#size += taken;
      read += taken;
      const isFull = this.#size % SLAB === 0;
      if (isFull && number >= IN_MEMORY) {
        const rest = bytes.subarray(read);
        return this.#toFile(number, slab).then(() => this.append(rest));
      }
    }
    return undefined;
  }

  /** Fills a buffer with what was appended there. */
  async read(into: Buffer, position: number): Promise<void> {
    if (position + into.length > this.#size) throw new RangeError('beyond what was set aside');
    for (let done = 0; done < into.length;) {
      const at = position + done;
      const inSlab = at % SLAB;
      const slab = this.#slabs.get(Math.floor(at / SLAB));
      const length = Math.min(into.length - done, SLAB - inSlab);
      if (slab) slab.copy(into, done, inSlab, inSlab + length);
      else await this.#fromFile(into.subarray(done, done + length), at);
      done += length;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await (await this.#file?.catch(() => undefined))?.close();
  }

  async #toFile(number: number, slab: Buffer): Promise<void> {
    const file = await (this.#file ??= inItsFolder(this.path, () => nameless(this.path)));
    await writeAll(file, slab, (number - IN_MEMORY) * SLAB);
    this.#slabs.delete(number);
    this.#memory.give(slab);
  }

  async #fromFile(into: Buffer, position: number): Promise<void> {
    const file = await this.#file;
    for (let done = 0; done < into.length;) {
      const at = position - IN_MEMORY * SLAB + done;
      const read = await file?.read(into, done, into.length - done, at);
      if (!read?.bytesRead) throw new Error(`${this.path} is shorter than what was written to it`);
      done += read.bytesRead;
    }
  }
}

async function nameless(path: string): Promise<FileHandle> {
  const file = await open(path, 'wx+', 0o600);
  await unlink(path);
  return file;
}
