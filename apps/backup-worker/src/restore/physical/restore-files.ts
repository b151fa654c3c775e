import { mkdir, open, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { HozenError } from '@hozen/contracts';
import { inSpan } from '@hozen/telemetry';
import { ArtefactFile, damaged } from '../../artefact/artefact-file.js';
import { isArchive } from '../../artefact/artefact-index.js';
import { loadCrc32c, type Crc32c } from '../../artefact/crc32c.js';
import { parseBackupManifest, type ListedFile } from '../../methods/postgres-physical/backup-manifest.js';
import type { CommittedArtefact } from '../../storage/committed-artefact.js';
import { DirectWriter, loadDirectMemory, openDirect, WORTH_DIRECT, type DirectMemory } from './direct-writer.js';
import { removeUnlisted } from './remove-unlisted.js';
import { RestoredArchive, type FileTaker } from './restored-archive.js';
import { PlacedWriter } from './placed-writer.js';
import { DividedFile, inItsFolder, WholeFile, type FileSum, type RestoredFile } from './restored-file.js';

export interface FilesRestore {
  /** The full backup first, then each that builds on the one before. */
  chain: readonly CommittedArtefact[];
  /** The new data directory; missing or empty. Tablespaces go into `pg_tblspc/<oid>` itself. */
  directory: string;
  /** Whether somebody reads the files next: the system keeps them in memory then, as far as it can. */
  readNext: boolean;
  signal: AbortSignal;
  progress: (update: { bytes: number; expectedBytes: number; item: string }) => void;
}

/** What the restored files should be. */
export interface RestoredFiles {
  files: ListedFile[];
  /** What was written of those that came whole and were not touched since, by their paths. */
  written: ReadonlyMap<string, FileSum>;
  /** Paths of those that came in parts: bytes that no WAL record tells of may differ in them. */
  divided: ReadonlySet<string>;
}

/**
 * Puts the files of a server back, as they are in the list: the full copy, and over it what changed. Nothing is synced.
 * makeStartable comes next.
 * @throws HozenError RESTORE_IMPOSSIBLE when the directory is not empty; ARTEFACT_MISSING, ARTEFACT_CORRUPT, and of the
 * STORAGE_ codes
 */
export async function restoreFiles(restore: FilesRestore): Promise<RestoredFiles> {
  const { chain, directory } = restore;
  return inSpan('restore files', { attributes: { 'file.path': directory, 'hozen.chain': chain.length } }, async () => {
    await mkdir(directory, { recursive: true, mode: 0o700 });
    if ((await readdir(directory)).length > 0) {
      throw new HozenError('RESTORE_IMPOSSIBLE', { target: directory, what: 'the folder is not empty' });
    }
    const expectedBytes = chain.reduce((sum, each) => sum + each.originalBytes, 0);
    let bytes = 0;
    const onBytes = (more: number, item: string) => {
      bytes += more;
      restore.progress({ bytes, expectedBytes, item });
    };
    const past = restore.readNext ? undefined : await loadDirectMemory();
    const taker = new NewFiles(await loadCrc32c(), past);
    let restored: Omit<RestoredFiles, 'written'> = { files: [], divided: new Set() };
    for (const artefact of chain) restored = await restoreOne(artefact, restore, onBytes, taker, artefact === chain[0]);
    return { ...restored, written: taker.written };
  });
}

/** Into a new folder: all of them. */
class NewFiles implements FileTaker {
  readonly written = new Map<string, FileSum>();
  /** Bytes of those that came in parts. */
  readonly #divided = new Map<string, number>();

  /** @param past where large files are written past the page cache */
  constructor(
    private readonly crc32c: Crc32c,
    private readonly past: DirectMemory | undefined,
  ) {}

  whole(path: string, listed: string, bytes: number): RestoredFile {
    const onWritten = (sum: FileSum) => this.written.set(listed, sum);
    if (!this.past || bytes < WORTH_DIRECT) return WholeFile.new(path, this.crc32c, onWritten);
    const opening = inItsFolder(path, () => openDirect(path));
    return new WholeFile(new DirectWriter(path, opening, this.past), this.crc32c, onWritten);
  }

  divided(path: string, listed: string): RestoredFile {
    return new DividedFile(path, {
      before: this.written.get(listed)?.bytes ?? this.#divided.get(listed),
      change: () => {
        this.written.delete(listed);
        return new PlacedWriter(open(path, 'r+'));
      },
      onEnd: (bytes) => this.#divided.set(listed, bytes),
    });
  }
}

async function restoreOne(
  artefact: CommittedArtefact,
  restore: FilesRestore,
  onBytes: (bytes: number, item: string) => void,
  taker: FileTaker,
  isFirst: boolean,
): Promise<Omit<RestoredFiles, 'written'>> {
  const { directory, signal } = restore;
  await using file = await ArtefactFile.open(artefact);
  // WAL of the one before is of no use to this one.
  if (!isFirst) await rm(join(directory, 'pg_wal'), { recursive: true, force: true });
  const divided = new Set<string>();
  for (const stream of file.index.streams.filter(({ name }) => isArchive(name))) {
    const folder = await folderOf(stream.name, restore);
    await using archive = new RestoredArchive(stream.name, folder, divided, taker);
    for await (const part of file.readShared(stream)) {
      signal.throwIfAborted();
      await at(file, stream.name, () => archive.push(part));
      onBytes(part.bytes.length, stream.name);
    }
    await at(file, stream.name, () => archive.end());
  }
  const list = await file.readFile('backup_manifest');
  const files = await at(file, 'backup_manifest', () => parseBackupManifest(list.toString('utf8')));
  if (!isFirst) await removeUnlisted(directory, files);
  return { files, divided };
}

async function folderOf(archive: string, { directory }: FilesRestore): Promise<string> {
  const oid = /^(\d+)\.tar$/.exec(archive)?.[1];
  if (oid === undefined) return directory;
  const folder = join(directory, 'pg_tblspc', oid);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  return folder;
}

async function at<T>(file: ArtefactFile, name: string, work: () => T | Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw damaged(file.path, name, error);
  }
}
