import type { FileHandle } from 'node:fs/promises';
import type { SharedBytes } from '../../artefact/shared-bytes.js';
import { writeAll } from '../../storage/file/write-all.js';
import { OnTheirWay } from './on-their-way.js';

/** Pieces that are being written while the next ones come. */
const WRITING = 8;
/** Bytes of all files: so many of them that every one is modest would still fill the memory. */
const onTheirWay = new OnTheirWay(24 * 1024 * 1024);

/** Takes the pieces of a file. */
export interface FileWriter {
  /** @param part of which the bytes are; held until they are written */
  write(bytes: Buffer, position: number, part: SharedBytes): Promise<void> | undefined;
  /** Waits until everything is written. @param size of the file then, where it may be another one */
  end(size?: number): Promise<void>;
}

/** Writes of one file that are under way. */
export class Writes {
  readonly #writing = new Set<Promise<void>>();
  // A changed file comes in thousands of pages: nobody may look at all of them for each.
  readonly #pieces = new OnTheirWay(WRITING);
  #failure: { error: unknown } | undefined;

  begin(bytes: number, part: SharedBytes, write: () => Promise<void>): Promise<void> | undefined {
    part.hold();
    this.#pieces.begin(1);
    onTheirWay.begin(bytes);
    const writing = write().catch((error: unknown) => {
      this.#failure ??= { error };
    });
    this.#writing.add(writing);
    void writing.finally(() => {
      this.#writing.delete(writing);
      this.#pieces.end(1);
      onTheirWay.end(bytes);
      part.release();
    });
    return this.#pieces.full || onTheirWay.full || this.#failure ? this.#room() : undefined;
  }

  /** Waits for all of them. @throws what the first that failed did */
  async end(): Promise<void> {
    await Promise.all(this.#writing);
    if (this.#failure) throw this.#failure.error;
  }

  async #room(): Promise<void> {
    await this.#pieces.room();
    await onTheirWay.room();
    if (this.#failure) throw this.#failure.error;
  }
}

/** Writes pieces at their places, several at a time. */
export class PlacedWriter implements FileWriter {
  readonly #writes = new Writes();

  constructor(private readonly opening: Promise<FileHandle>) {
    opening.catch(() => undefined);
  }

  write(bytes: Buffer, position: number, part: SharedBytes): Promise<void> | undefined {
    return this.#writes.begin(bytes.length, part, async () => this.put(await this.opening, bytes, position));
  }

  async end(size?: number): Promise<void> {
    await using handle = await this.opening;
    await this.#writes.end();
    if (size !== undefined) await handle.truncate(size);
  }

  /** Brings one piece to its place. */
  protected async put(handle: FileHandle, bytes: Buffer, position: number): Promise<void> {
    await writeAll(handle, bytes, position);
  }
}
