import { join } from 'node:path';
import { HozenError, warningText } from '@hozen/contracts';
import { asTargetError, connect, parseLsn, sessionName, walFileName, type TargetClient } from '@hozen/dbms';
import { crc32cText, loadCrc32c, type Crc32c } from '../../artefact/crc32c.js';
import { isTarName, TAR_BLOCK, writeTarHeader } from '../../artefact/tar.js';
import type { AttemptContext, BackupJob } from '../../job.js';
import type { ArchiveCopy } from './archive-copy.js';
import { listedPath, writeBackupManifest, type CopiedFile } from './backup-manifest.js';
import type { PhysicalTarget } from './check-target.js';
import type { ChangedPages } from './changed-pages.js';
import type { CopiedArchives, CopiedFiles } from './copied-archives.js';
import { PAGE_BYTES } from './incremental-file.js';
import { isControlFile, listDataDirectory, listTablespace, type DirectoryEntry } from './list-files.js';
import { readAhead, type OpenedFile } from './read-ahead.js';
import { slotName } from './slot-name.js';
import { beginBackup, endBackup, RESERVE_WAL, TABLESPACES } from './copy-files.sql.js';

/**
 * Reads the files of a server on this machine straight from its data directory, in backup mode: less work for it, and for
 * us, than having it send them.
 * @param directory its data directory
 * @throws HozenError of the TARGET_ and STORAGE_ codes, and what the writer throws
 */
export async function copyFiles(
  job: BackupJob,
  target: PhysicalTarget,
  directory: string,
  archives: CopiedArchives,
  { signal }: Pick<AttemptContext, 'signal'>,
): Promise<CopiedFiles> {
  const applicationName = sessionName(job.runId, job.epoch);
  // Backup mode and slot go with the session, however it ends.
  await using client = await connect(target.address, { applicationName });
  try {
    return await readFiles(client, job, target, directory, archives, signal);
  } catch (error) {
    throw signal.aborted ? signal.reason : asSourceError(error, directory, client);
  }
}

async function readFiles(
  client: TargetClient,
  job: BackupJob,
  target: PhysicalTarget,
  directory: string,
  archives: CopiedArchives,
  signal: AbortSignal,
): Promise<CopiedFiles> {
  await client.query(RESERVE_WAL, [slotName(job)]);
  const { major, systemIdentifier } = target.facts;
  const startLsn = await beginCopy(client, major, job, signal);
  const copy = new FilesCopy(archives, await loadCrc32c(), signal);
  const tablespaces = await tablespacesOf(client);
  for (const { oid, folder, location } of tablespaces) {
    await copy.archive(`${oid}.tar`, location, await listTablespace(location, folder));
  }
  const end = await copy.archive('base.tar', directory, await listDataDirectory(directory), async (archive) => {
    const ended = await endCopy(client, major);
    await copy.addText(archive, 'backup_label', ended.label);
    await copy.addText(archive, 'tablespace_map', ended.map);
    await copy.addWal(archive, directory, walNames(target.physical, startLsn, ended.lsn));
    return ended;
  });
  const { timeline } = target.physical;
  const facts = { startLsn, endLsn: end.lsn, timeline };
  return {
    facts: { ...facts, tablespaces, warnings: copy.warnings, damaged: false, pagesChecked: false },
    list: writeBackupManifest(copy.files, { ...facts, major, systemIdentifier }),
  };
}

/** What the server said, or the file system that its files are in. */
function asSourceError(error: unknown, directory: string, { address }: TargetClient): unknown {
  if (error instanceof HozenError || !(error instanceof Error)) return error;
  const { syscall, path = directory } = error as NodeJS.ErrnoException;
  if (syscall === undefined) return asTargetError(error, address);
  return new HozenError('STORAGE_IO', { path }, { cause: error, detail: error.message });
}

/** The checkpoint may take minutes; who cancels does not wait for it. */
async function beginCopy(client: TargetClient, major: number, job: BackupJob, signal: AbortSignal): Promise<string> {
  const stop = () => void client.end().catch(() => undefined);
  signal.addEventListener('abort', stop, { once: true });
  try {
    signal.throwIfAborted();
    const fast = job.config.checkpoint === 'fast';
    const { rows } = await client.query<{ lsn: string }>(beginBackup(major), [`hozen ${job.runId}`, fast]);
    return rows[0]?.lsn ?? '';
  } finally {
    signal.removeEventListener('abort', stop);
  }
}

async function endCopy(client: TargetClient, major: number): Promise<{ lsn: string; label: string; map: string }> {
  const { rows } = await client.query<{ lsn: string; label: string; map: string }>(endBackup(major));
  return rows[0] ?? { lsn: '', label: '', map: '' };
}

async function tablespacesOf(client: TargetClient): Promise<{ oid: number; folder: string; location: string }[]> {
  const { rows } = await client.query<{ oid: number; folder: string; location: string }>(TABLESPACES);
  return rows;
}

/** Segments from the one where replay begins to the one where the backup ends. */
function walNames({ timeline, walSegmentBytes }: PhysicalTarget['physical'], from: string, to: string): string[] {
  const segment = BigInt(walSegmentBytes);
  const names: string[] = [];
  // What ends exactly with a segment does not need the next.
  for (let lsn = (parseLsn(from) / segment) * segment; lsn < parseLsn(to); lsn += segment) {
    names.push(walFileName(timeline, lsn, walSegmentBytes));
  }
  return names;
}

/** Carries files into archives as the server would send them. */
class FilesCopy {
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
