import { join } from 'node:path';
import { warningText } from '@hozen/contracts';
import { crc32cText, type Crc32c } from '../../artefact/crc32c.js';
import { isTarName, TAR_BLOCK, writeTarHeader } from '../../artefact/tar.js';
import type { ArchiveCopy } from './archive-copy.js';
import { listedPath, type CopiedFile } from './backup-manifest.js';
import type { ChangedPages } from './changed-pages.js';
import type { CopiedArchives } from './copied-archives.js';
import { PAGE_BYTES } from './incremental-file.js';
import { isControlFile, type DirectoryEntry } from './list-files.js';
import { readAhead, type OpenedFile } from './read-ahead.js';

/** Carries files into archives as the server would send them. */
export class FilesCopy {
  readonly files: CopiedFile[] = [];
  readonly warnings: string[] = [];
  readonly #header = Buffer.alloc(TAR_BLOCK);

  constructor(
    private readonly archives: CopiedArchives,
    private readonly crc32c: Crc32c,
    private readonly signal: AbortSignal,
  ) {}

  async archive(name: string, top: string, entries: DirectoryEntry[]): Promise<void>;
  async archive<T>(
    name: string,
    top: string,
    entries: DirectoryEntry[],
    finish: (archive: ArchiveCopy) => Promise<T>,
  ): Promise<T>;
  async archive<T>(
    name: string,
    top: string,
    entries: DirectoryEntry[],
    finish?: (archive: ArchiveCopy) => Promise<T>,
  ): Promise<T | undefined> {
    const archive = await this.archives.begin(name);
    const kept = entries.filter((entry) => this.#hasName(entry, top));
    for (const { name: folder, mode } of kept.filter(({ type }) => type === 'folder')) {
      await this.#begin(archive, { name: folder, type: 'folder', size: 0, mode, modifiedAt: new Date(0) });
      await archive.memberEnd();
    }
    const files = kept.filter(({ type }) => type === 'file');
    // The control file is not even opened before everything else is read.
    const [control, rest] = [files.filter(isControlFile), files.filter((file) => !isControlFile(file))];
    for (const group of [rest, control]) {
      for await (const file of readAhead(group, (entry) => join(top, entry.name))) {
        const { of: entry, size, modifiedAt } = file;
        const crc = await this.#copy(archive, { ...entry, size, modifiedAt }, file);
        const path = listedPath(name, entry.name);
        this.files.push({ path, bytes: size, modifiedAt, crc32c: crc32cText(crc) });
      }
    }
    const finished = await finish?.(archive);
    await this.archives.end();
    return finished;
  }

  async addText(archive: ArchiveCopy, name: string, text: string): Promise<void> {
    const content = Buffer.from(text);
    const modifiedAt = new Date();
    const member = { name, type: 'file', mode: 0o600, size: content.length, modifiedAt } as const;
    const crc = await this.#copy(archive, member, { content: () => [content] });
    this.files.push({ path: name, bytes: content.length, modifiedAt, crc32c: crc32cText(crc) });
  }

  /** A segment that is missing ends it: the copy would be of no use. */
  async addWal(archive: ArchiveCopy, directory: string, names: readonly string[]): Promise<void> {
    let found = 0;
    for await (const file of readAhead(names, (name) => join(directory, 'pg_wal', name))) {
      found++;
      const { size, modifiedAt } = file;
      const member = { name: `pg_wal/${file.of}`, type: 'file', mode: 0o600, size, modifiedAt } as const;
      await this.#copy(archive, member, file);
    }
    if (found < names.length) throw new Error(`of the WAL ${names.join(', ')} only ${found} segments are there`);
  }

  #hasName({ name }: DirectoryEntry, top: string): boolean {
    const fits = isTarName(name);
    if (!fits) this.warnings.push(warningText('file.name-long', { path: join(top, name) }));
    return fits;
  }

  async #copy(
    archive: ArchiveCopy,
    member: DirectoryEntry & { size: number; modifiedAt: Date },
    file: Source,
  ): Promise<number> {
    await this.#begin(archive, member);
    let crc = await this.#pour(archive, member.size, file);
    if (crc === undefined) {
      await archive.beginAgainWhole();
      crc = await this.#pour(archive, member.size, file);
    }
    await archive.memberEnd();
    return crc ?? 0;
  }

  /** @returns the sum; undefined when the member is better begun again and copied whole */
  async #pour(archive: ArchiveCopy, size: number, file: Source): Promise<number | undefined> {
    let crc = 0;
    let weighed = false;
    for await (const bytes of file.content()) {
      this.signal.throwIfAborted();
      crc = this.crc32c(bytes, crc);
      this.archives.count(bytes.length);
      const wait = archive.content(bytes);
      if (wait) await wait;
      if (weighed || !archive.largePages) continue;
      weighed = true;
      if (await isMostlyChanged(archive.largePages, size, file)) return undefined;
    }
    return crc;
  }

  async #begin(archive: ArchiveCopy, member: DirectoryEntry & { size: number; modifiedAt: Date }): Promise<void> {
    writeTarHeader(this.#header, member);
    const modifiedAt = Math.floor(member.modifiedAt.getTime() / 1000);
    await archive.member({ ...member, modifiedAt, target: '' }, this.#header);
  }
}

interface Source {
  content(): AsyncIterable<Buffer> | Iterable<Buffer>;
  readAt?: OpenedFile<unknown>['readAt'];
}

/** Pages that are looked at, and the share of them from which on leaving the others out is not worth the trouble. */
const SAMPLES = 64;
const MOSTLY = 0.7;

/** Looks at pages all over a file. */
async function isMostlyChanged(pages: ChangedPages, size: number, { readAt }: Source): Promise<boolean> {
  if (!readAt) return false;
  const page = Buffer.allocUnsafe(PAGE_BYTES);
  let changed = 0;
  for (let sample = 0; sample < SAMPLES; sample++) {
    await readAt(page, Math.floor(((size / PAGE_BYTES) * sample) / SAMPLES) * PAGE_BYTES);
    if (pages.isChanged(page, 0)) changed++;
  }
  return changed > MOSTLY * SAMPLES;
}
