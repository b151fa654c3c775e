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
import { readAhead, type LeavesOut, type OpenedFile } from './read-ahead.js';
import type { SameFiles } from './same-files.js';

/** Carries files into archives as the server would send them. */
export class FilesCopy {
  readonly files: CopiedFile[] = [];
  readonly warnings: string[] = [];
  readonly #header = Buffer.alloc(TAR_BLOCK);

  constructor(
    private readonly archives: CopiedArchives,
    private readonly crc32c: Crc32c,
    private readonly signal: AbortSignal,
    /** What an earlier copy has read. */
    private readonly same?: SameFiles,
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
    const leavesOut: LeavesOut<DirectoryEntry> = (entry, stats) => {
      const isSame = this.same?.isSame(listedPath(name, entry.name), stats) ?? false;
      return isSame && archive.earlier(entry.name, Number(stats.size))?.crc32c !== undefined;
    };
    for (const group of [rest, control]) {
      for await (const file of readAhead(group, (entry) => join(top, entry.name), leavesOut)) {
        const { of: entry, size, modifiedAt, isLeftOut } = file;
        const member = { ...entry, size, modifiedAt };
        const crc32c = isLeftOut ? await this.#leaveOut(archive, member) : await this.#copy(archive, member, file);
        this.files.push({ path: listedPath(name, entry.name), bytes: size, modifiedAt, crc32c });
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
    const crc32c = await this.#copy(archive, member, { content: () => [content] });
    this.files.push({ path: name, bytes: content.length, modifiedAt, crc32c });
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

  /** What the earlier backup has of it is what it is. @returns the sum of the whole file */
  async #leaveOut(archive: ArchiveCopy, member: DirectoryEntry & { size: number; modifiedAt: Date }): Promise<string> {
    await this.#begin(archive, member);
    archive.leaveOutAll();
    this.archives.count(member.size);
    await archive.memberEnd();
    return archive.earlier(member.name, member.size)?.crc32c ?? '';
  }

  /** @returns the sum of the whole file */
  async #copy(
    archive: ArchiveCopy,
    member: DirectoryEntry & { size: number; modifiedAt: Date },
    file: Source,
  ): Promise<string> {
    await this.#begin(archive, member);
    let crc = await this.#pour(archive, member.size, file);
    if (crc === undefined) {
      await archive.beginAgainWhole();
      crc = (await this.#pour(archive, member.size, file)) ?? 0;
    }
    await archive.memberEnd();
    return crc32cText(crc);
  }

  /** @returns the sum; undefined when the member is better begun again and copied whole */
  async #pour(archive: ArchiveCopy, size: number, file: Source): Promise<number | undefined> {
    if (archive.isWhole && file.readAt && file.beginning)
      return this.#read(archive, size, file.beginning(), file.readAt);
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

  /** Reads a file straight into the parts of the artefact. @returns the sum */
  async #read(
    { stream }: ArchiveCopy,
    size: number,
    beginning: Buffer,
    readAt: OpenedFile<unknown>['readAt'],
  ): Promise<number> {
    await stream.write(beginning);
    let crc = this.crc32c(beginning, 0);
    this.archives.count(beginning.length);
    for (let at = beginning.length; at < size;) {
      this.signal.throwIfAborted();
      const room = await stream.room();
      const piece = room.subarray(0, Math.min(room.length, size - at));
      await readAt(piece, at);
      crc = this.crc32c(piece, crc);
      this.archives.count(piece.length);
      await stream.filled(piece.length);
      at += piece.length;
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
  beginning?: OpenedFile<unknown>['beginning'];
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
