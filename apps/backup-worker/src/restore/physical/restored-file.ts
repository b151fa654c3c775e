import { mkdir, open, type FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Crc32c } from '../../artefact/crc32c.js';
import type { SharedBytes } from '../../artefact/shared-bytes.js';
import { PlacedWriter, type FileWriter } from './placed-writer.js';
import { IncrementalHeadReader, PAGE_BYTES, restoredPages } from '../../methods/postgres-physical/incremental-file.js';

/** A file that is being restored. */
export interface RestoredFile {
  /** @param part of which the bytes are; held until they are written */
  push(bytes: Buffer, part: SharedBytes): Promise<void> | undefined;
  /** Waits until everything is written. */
  end(): Promise<void>;
}

/** What a file is to be, from what came of it. */
export interface FileSum {
  bytes: number;
  crc32c: number;
}

/** A file that comes as it is. */
export class WholeFile implements RestoredFile {
  #at = 0;
  #crc = 0;

  /**
   * @param onWritten told of what was written, once all of it is
   * @param cut where more may stand there than comes
   */
  constructor(
    private readonly writer: FileWriter,
    private readonly crc32c: Crc32c,
    private readonly onWritten: (sum: FileSum) => void,
    private readonly cut = false,
  ) {}

  static new(path: string, crc32c: Crc32c, onWritten: (sum: FileSum) => void): WholeFile {
    return new WholeFile(new PlacedWriter(openNew(path)), crc32c, onWritten);
  }

  push(bytes: Buffer, part: SharedBytes): Promise<void> | undefined {
    const at = this.#at;
    this.#at += bytes.length;
    this.#crc = this.crc32c(bytes, this.#crc);
    return this.writer.write(bytes, at, part);
  }

  async end(): Promise<void> {
    await this.writer.end(this.cut ? this.#at : undefined);
    this.onWritten({ bytes: this.#at, crc32c: this.#crc });
  }
}

/** What the pages of a file are put onto. */
export interface DividedPlace {
  /** Bytes that stand there, where that is known. */
  before?: number | undefined;
  /** Called before the first change. */
  change(): PlacedWriter;
  /** @param bytes that stand there now */
  onEnd?(bytes: number): void;
}

/**
 * A file of which the changed pages come; the others are there. Where none comes, and it has its length, it is not even
 * opened: of most files of a server nothing changes.
 */
export class DividedFile implements RestoredFile {
  readonly #head = new IncrementalHeadReader();
  /** Bytes of pages so far. */
  #bytes = 0;
  #writer: PlacedWriter | undefined;

  constructor(
    private readonly path: string,
    private readonly place: DividedPlace,
  ) {}

  push(bytes: Buffer, part: SharedBytes): Promise<void> | undefined {
    const { head } = this.#head;
    if (!head) {
      const taken = this.#head.push(bytes);
      return taken < bytes.length ? this.push(bytes.subarray(taken), part) : undefined;
    }
    let wait: Promise<void> | undefined;
    for (let read = 0; read < bytes.length;) {
      const index = Math.floor(this.#bytes / PAGE_BYTES);
      const inPage = this.#bytes % PAGE_BYTES;
      const page = head.pages[index];
      if (page === undefined) throw new RangeError(`${this.path}: more pages than it says`);
      let run = 1;
      while (head.pages[index + run] === page + run) run++;
      const length = Math.min(bytes.length - read, run * PAGE_BYTES - inPage);
      wait = this.#changing().write(bytes.subarray(read, read + length), page * PAGE_BYTES + inPage, part) ?? wait;
      read += length;
      this.#bytes += length;
    }
    return wait;
  }

  async end(): Promise<void> {
    const { head } = this.#head;
    const whole = head !== undefined && this.#bytes === head.pages.length * PAGE_BYTES;
    const bytes = whole ? restoredPages(head) * PAGE_BYTES : undefined;
    if (this.#writer || bytes !== this.place.before) await this.#changing().end(bytes);
    if (bytes === undefined) throw new RangeError(`${this.path}: cut off`);
    this.place.onEnd?.(bytes);
  }

  #changing(): PlacedWriter {
    return (this.#writer ??= this.place.change());
  }
}

/** What stands there is of an earlier backup. */
export function openNew(path: string): Promise<FileHandle> {
  return inItsFolder(path, () => open(path, 'w', 0o600));
}

/** Not every folder has an entry of its own. */
export async function inItsFolder<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    return work();
  }
}
