import { ArtefactFile, corrupt, damaged } from '../../artefact/artefact-file.js';
import { isArchive } from '../../artefact/artefact-index.js';
import { loadCrc32c, type Crc32c } from '../../artefact/crc32c.js';
import { listedPath, parseBackupManifest, type ListedFile } from '../../methods/postgres-physical/backup-manifest.js';
import type { CommittedArtefact } from '../../storage/committed-artefact.js';
import { AwaitedPages } from './awaited-pages.js';
import { OverlaidFile } from './overlaid-file.js';
import { PageSpool } from './page-spool.js';
import type { FileWriter } from './placed-writer.js';
import { RestoredArchive, type FileTaker } from './restored-archive.js';
import { WholeFile, type FileSum, type RestoredFile } from './restored-file.js';

export interface ChainRestore {
  /** The full backup first, then each that builds on the one before. */
  chain: readonly CommittedArtefact[];
  place: FilesPlace;
  signal: AbortSignal;
  /** Bytes of the archives, also those that nobody needed. */
  onBytes: (bytes: number, item: string) => void;
}

/** Where the files of a server come. */
export interface FilesPlace {
  /** Of the files of an archive. */
  folderOf(archive: string): Promise<string>;
  /** Whether a file of the newest backup is to come, by its path in the list. */
  wants(listed: string): boolean;
  writer(file: { path: string; listed: string; bytes: number }): FileWriter;
  /** Whether more may stand in the place of a file than comes. */
  overOthers: boolean;
  /** A file that may be made, and is gone at once. */
  spool: string;
}

/** What the restored files should be. */
export interface RestoredFiles {
  files: ListedFile[];
  /** What was written of those that came, by their paths. */
  written: ReadonlyMap<string, FileSum>;
  /** Paths of those that came in parts: bytes that no WAL record tells of may differ in them. */
  divided: ReadonlySet<string>;
}

/**
 * Brings the files of the newest backup of a chain. It begins with that one, and goes back: what is whole there is written; pages are
 * set aside until an earlier backup brings the rest of their file. So each file is written once, from its beginning to its end, and
 * nothing that a newer backup has is even read from an older one. Nothing is synced.
 * @throws HozenError ARTEFACT_MISSING, ARTEFACT_CORRUPT, and of the STORAGE_ codes
 */
export async function restoreChain(restore: ChainRestore): Promise<RestoredFiles> {
  const { chain, place } = restore;
  await using spool = new PageSpool(place.spool);
  const found = new ChainFiles(place, spool, await loadCrc32c());
  let files: ListedFile[] | undefined;
  for (const artefact of chain.toReversed()) {
    await using file = await ArtefactFile.open(artefact);
    files ??= await listOf(file);
    await restoreArchives(file, restore, found);
    found.leave(artefact, artefact === chain[0]);
    if (!found.isWaiting) break;
  }
  return { files: files ?? [], written: found.written, divided: found.divided };
}

async function listOf(file: ArtefactFile): Promise<ListedFile[]> {
  const list = await file.readFile('backup_manifest');
  return at(file, 'backup_manifest', () => parseBackupManifest(list.toString('utf8')));
}

async function restoreArchives(
  file: ArtefactFile,
  { place, signal, onBytes }: ChainRestore,
  found: ChainFiles,
): Promise<void> {
  for (const stream of file.index.streams.filter(({ name }) => isArchive(name))) {
    if (!found.takesFrom(stream.name)) {
      onBytes(stream.bytes, stream.name);
      continue;
    }
    const folder = await place.folderOf(stream.name);
    await using archive = new RestoredArchive(stream.name, folder, found);
    const leavesOut = (bytes: number) => {
      if (bytes >= archive.unwanted) return false;
      archive.skip(bytes);
      onBytes(bytes, stream.name);
      return true;
    };
    for await (const part of file.readShared(stream, leavesOut)) {
      signal.throwIfAborted();
      await at(file, stream.name, () => archive.push(part));
      onBytes(part.bytes.length, stream.name);
    }
    await at(file, stream.name, () => archive.end());
  }
}

/** Which files come from which backup. */
class ChainFiles implements FileTaker {
  readonly written = new Map<string, FileSum>();
  readonly divided = new Set<string>();
  /** Files of which only pages have come. */
  readonly #awaited = new Map<string, AwaitedPages>();
  /** In the backup that is being read. */
  readonly #met = new Set<string>();
  #isNewest = true;

  constructor(
    private readonly place: FilesPlace,
    private readonly spool: PageSpool,
    private readonly crc32c: Crc32c,
  ) {}

  get isWaiting(): boolean {
    return this.#awaited.size > 0;
  }

  /** Whether anything of an archive is needed. */
  takesFrom(archive: string): boolean {
    const prefix = listedPath(archive, '');
    return this.#isNewest || [...this.#awaited.keys()].some((listed) => listed.startsWith(prefix));
  }

  takesFolders(): boolean {
    return this.#isNewest;
  }

  whole(path: string, listed: string, bytes: number): RestoredFile | undefined {
    this.#meet(listed);
    if (this.#isNewest) return this.place.wants(listed) ? this.#file(path, listed, bytes) : undefined;
    const pages = this.#awaited.get(listed);
    if (!pages) return undefined;
    this.#awaited.delete(listed);
    return new OverlaidFile(this.#file(path, listed, pages.bytes), pages);
  }

  pages(path: string, listed: string): RestoredFile | undefined {
    this.#meet(listed);
    if (this.#isNewest) {
      this.divided.add(listed);
      if (this.place.wants(listed)) this.#awaited.set(listed, new AwaitedPages(path, this.spool));
    }
    return this.#awaited.get(listed)?.older();
  }

  /** Goes on to the next older backup. @throws HozenError ARTEFACT_CORRUPT where a file that is awaited should have been in this one */
  leave({ path }: CommittedArtefact, isOldest: boolean): void {
    for (const listed of this.#awaited.keys()) {
      if (isOldest || !this.#met.has(listed))
        throw corrupt(path, `${listed} is missing, and later backups have pages of it`);
    }
    this.#met.clear();
    this.#isNewest = false;
  }

  /** One of the two would be written over the other. */
  #meet(listed: string): void {
    if (this.#met.has(listed)) throw new RangeError(`${listed} comes twice`);
    this.#met.add(listed);
  }

  #file(path: string, listed: string, bytes: number): RestoredFile {
    const writer = this.place.writer({ path, listed, bytes });
    return new WholeFile(writer, this.crc32c, (sum) => this.written.set(listed, sum), this.place.overOthers);
  }
}

async function at<T>(file: ArtefactFile, name: string, work: () => T | Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw damaged(file.path, name, error);
  }
}
