import { mkdir, open, type FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Crc32c } from '../../artefact/crc32c.js';
import type { SharedBytes } from '../../artefact/shared-bytes.js';
import type { FileWriter } from './placed-writer.js';

/** A file that is being restored. */
export interface RestoredFile {
  /** @param part of which the bytes are; held until they are written */
  push(bytes: Buffer, part: SharedBytes): Promise<void> | undefined;
  /** Waits until everything is written. */
  end(): Promise<void>;
  /** Lets go of it as it is. */
  abandon(): Promise<void>;
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

  async abandon(): Promise<void> {
    await this.writer.end().catch(() => undefined);
  }
}

/** What stands there is of an earlier attempt at most. */
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
