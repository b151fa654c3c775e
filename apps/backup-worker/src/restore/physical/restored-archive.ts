import { mkdir } from 'node:fs/promises';
import { join, normalize, sep } from 'node:path';
import { SharedBytes } from '../../artefact/shared-bytes.js';
import { listedPath } from '../../methods/postgres-physical/backup-manifest.js';
import { wholePath } from '../../methods/postgres-physical/incremental-file.js';
import { TarReader, type TarMember, type TarTaker } from '../../pipeline/tar-reader.js';
import type { RestoredFile } from './restored-file.js';

/** Files that are being closed while the next ones are written. */
const CLOSING = 32;

/** How the files of an archive come to their places. */
export interface FileTaker {
  /** @param listed as in a backup_manifest @param bytes of it @returns undefined where it is not wanted */
  whole(path: string, listed: string, bytes: number): RestoredFile | undefined;
  /** Of which changed pages come. */
  pages(path: string, listed: string): RestoredFile | undefined;
  /** Whether folders are made that may be empty. */
  takesFolders(): boolean;
}

/** Hands on the files of one archive, with their places in a folder. */
export class RestoredArchive implements TarTaker, AsyncDisposable {
  readonly #reader = new TarReader(this);
  #part = new SharedBytes(Buffer.alloc(0));
  #file: RestoredFile | undefined;
  readonly #closing = new Set<Promise<void>>();
  #failure: { error: unknown } | undefined;

  constructor(
    private readonly archive: string,
    private readonly folder: string,
    private readonly taker: FileTaker,
  ) {}

  /** Bytes that come next and that nobody wants. */
  get unwanted(): number {
    return this.#file ? 0 : this.#reader.left;
  }

  /** Instead of that many of them. */
  skip(bytes: number): void {
    this.#reader.skip(bytes);
  }

  push(part: SharedBytes): Promise<void> | undefined {
    this.#part = part;
    return this.#reader.push(part.bytes);
  }

  async end(): Promise<void> {
    this.#reader.end();
    await this.#settled(0);
  }

  member(member: TarMember): Promise<void> | undefined {
    const path = this.#pathOf(member.name);
    // Tablespaces have archives of their own; the original's folders are none of ours.
    if (member.type === 'link') return undefined;
    if (member.type === 'folder') {
      return this.taker.takesFolders()
        ? mkdir(path, { recursive: true, mode: 0o700 }).then(() => undefined)
        : undefined;
    }
    const whole = wholePath(member.name);
    const listed = listedPath(this.archive, whole);
    this.#file =
      whole === member.name
        ? this.taker.whole(path, listed, member.size)
        : this.taker.pages(this.#pathOf(whole), listed);
    return undefined;
  }

  content(bytes: Buffer): Promise<void> | undefined {
    return this.#file?.push(bytes, this.#part);
  }

  memberEnd(): Promise<void> | undefined {
    const file = this.#file;
    this.#file = undefined;
    if (!file) return undefined;
    const closing = file.end().catch((error: unknown) => {
      this.#failure ??= { error };
    });
    this.#closing.add(closing);
    void closing.finally(() => this.#closing.delete(closing));
    return this.#closing.size > CLOSING ? this.#settled(CLOSING) : undefined;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#file?.abandon();
    await this.#settled(0).catch(() => undefined);
  }

  async #settled(most: number): Promise<void> {
    while (this.#closing.size > most) await Promise.race(this.#closing);
    if (this.#failure) throw this.#failure.error;
  }

  /** A hostile archive must not write elsewhere. */
  #pathOf(name: string): string {
    const path = normalize(name);
    if (name === '' || path.startsWith(sep) || path === '..' || path.startsWith(`..${sep}`) || name.includes('\0')) {
      throw new RangeError(`a member called ${JSON.stringify(name)}`);
    }
    return join(this.folder, path);
  }
}
