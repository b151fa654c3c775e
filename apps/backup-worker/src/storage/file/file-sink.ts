import { createHash } from 'node:crypto';
import { rm } from 'node:fs/promises';
import type { ByteSink } from '../../artefact/member-writer.js';
import { DirectFile } from './direct-file.js';
import { onStorage } from '../storage-error.js';

/** Writes an artefact to a file, with the SHA-256 of the bytes as they pass. */
export class FileSink implements ByteSink {
  readonly #hash = createHash('sha256');
  #bytes = 0;

  private constructor(
    private readonly path: string,
    private readonly file: DirectFile,
  ) {}

  /** @throws HozenError STORAGE_UNWRITABLE, DISK_FULL, STORAGE_IO; the same for every method. */
  static create(path: string): Promise<FileSink> {
    return onStorage(path, async () => new FileSink(path, await DirectFile.create(path, 0o600)));
  }

  async write(bytes: Buffer): Promise<void> {
    this.#hash.update(bytes);
    this.#bytes += bytes.length;
    await onStorage(this.path, () => this.file.write(bytes));
  }

  async finish(): Promise<{ bytes: number; sha256: string }> {
    await onStorage(this.path, () => this.file.finish());
    return { bytes: this.#bytes, sha256: this.#hash.digest('hex') };
  }

  async abort(): Promise<void> {
    await this.file.close();
    await rm(this.path, { force: true }).catch(() => undefined);
  }
}
