import { lstat, mkdir, readdir, rm, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { HozenError } from '@hozen/contracts';
import { failpoint, inSpan } from '@hozen/telemetry';
import { ArtefactFile, damaged } from '../../artefact/artefact-file.js';
import { isArchive } from '../../artefact/artefact-index.js';
import { loadCrc32c, type Crc32c } from '../../artefact/crc32c.js';
import type { AttemptContext } from '../../job.js';
import type { ListedFile } from '../../methods/postgres-physical/backup-manifest.js';
import { wholePath } from '../../methods/postgres-physical/incremental-file.js';
import type { CommittedArtefact } from '../../storage/committed-artefact.js';
import { compareFiles, filesThatDiffer } from '../../verification/compare-files.js';
import { named } from '../../verification/named.js';
import { RestoredArchive, type FileTaker } from '../physical/restored-archive.js';
import { DividedFile, WholeFile, type FileSum } from '../physical/restored-file.js';
import { ChangedWriter } from './changed-writer.js';
import { contentsOf, withinBackup } from './contents.js';
import type { DataDirectory } from './data-directory.js';
import { CONTROL, CONTROL_NEW } from './directory-lock.js';
import { removeStanding, surplus, whatStands, type Standing } from './what-stands.js';

export interface DeltaRestore extends Pick<AttemptContext, 'signal' | 'progress'> {
  /** The full backup first. */
  chain: readonly CommittedArtefact[];
  /** Nobody else changes anything in it. */
  directory: DataDirectory;
  /** Where tablespaces come that are not there any more. */
  newTablespaces: string;
  /** Before the first change. */
  begin: () => Promise<void>;
}

/** What was done, in bytes. */
export interface DeltaDone {
  /** Files that were as they are to be. */
  same: number;
  /** Files of which something was written. */
  changed: number;
  written: number;
  /** Folders and files that the backup does not have. */
  removed: number;
}

/**
 * Makes a data directory what a backup of it holds, and writes only pages that are others. What is there is summed first, and what has the
 * size and the sum of the server's own list is not even looked for in the backup. In the end every file has been compared with
 * that list, as after a restore into a new folder. The control file comes under another name. Nothing is synced.
 * @throws HozenError CONTENT_DIFFERS, ARTEFACT_MISSING, ARTEFACT_CORRUPT, of the STORAGE_ and DISK_ codes
 */
export async function deltaFiles(restore: DeltaRestore): Promise<DeltaDone> {
  const { signal } = restore;
  return inSpan('restore differences', { attributes: { 'file.path': restore.directory.path } }, async () => {
    const last = restore.chain.at(-1);
    if (!last) throw new RangeError('a chain of nothing');
    const contents = await contentsOf(last);
    const { files } = contents;
    const directory = withinBackup(restore.directory, contents);
    const standing = await whatStands(directory, contents.versionFolder);
    const gone = surplus(standing, new Set(files.map(({ path }) => wholePath(path))));
    const differing = await differingIn(restore, directory, files, standing);
    signal.throwIfAborted();
    await restore.begin();
    await failpoint('restore.delta-begun');
    await removeStanding(directory, gone);
    const changes = new Changes(differing, await loadCrc32c());
    for (const artefact of restore.chain) await putChanges(artefact, restore, directory, changes);
    await failpoint('restore.delta-written');
    await compare(restore, directory, files, changes);
    return {
      same: files.length - differing.size,
      changed: changes.written.size,
      written: changes.bytes,
      removed: gone.length,
    };
  });
}

/** What is to be put in its place, and what was. */
class Changes {
  bytes = 0;
  readonly written = new Set<string>();
  /** Paths of those that came in parts. */
  readonly divided = new Set<string>();
  /** Names of the WAL of the last artefact. */
  wal = new Set<string>();
  /** What came of those that came whole and were not touched since, and stands there now, by their paths. */
  readonly sums = new Map<string, FileSum>();

  constructor(
    readonly differing: ReadonlySet<string>,
    private readonly crc32c: Crc32c,
  ) {}

  taker(isLast: boolean): FileTaker {
    const writer = (path: string, listed: string) =>
      new ChangedWriter(listed === CONTROL ? besideControl(path) : path, (bytes) => {
        this.bytes += bytes;
        this.written.add(listed);
      });
    const isWanted = (listed: string) => {
      if (!listed.startsWith('pg_wal/')) return this.differing.has(listed);
      // WAL of an earlier one is of no use to the last.
      if (isLast) this.wal.add(listed);
      return isLast;
    };
    const { crc32c, sums } = this;
    const whole = (path: string, listed: string) =>
      new WholeFile(writer(path, listed), crc32c, (sum) => sums.set(listed, sum), true);
    return {
      whole: (path, listed) => (isWanted(listed) ? whole(path, listed) : undefined),
      divided: (path, listed) => {
        if (!isWanted(listed)) return undefined;
        sums.delete(wholePath(listed));
        return new DividedFile(path, { change: () => writer(path, listed) });
      },
    };
  }
}

async function differingIn(
  { signal, progress }: DeltaRestore,
  directory: DataDirectory,
  files: readonly ListedFile[],
  standing: readonly Standing[],
): Promise<Set<string>> {
  // What stands behind a link is not met here: the link goes, and with it what it leads to.
  const there = new Set(standing.filter(({ kind }) => kind === 'file').map(({ path }) => path));
  // Where pages come, the list has the sum of those, and none of the file itself.
  const isComparable = ({ path, crc32c }: ListedFile) =>
    crc32c !== undefined && path === wholePath(path) && path !== CONTROL && there.has(path);
  const comparable = files.filter(isComparable);
  const expectedBytes = comparable.reduce((sum, file) => sum + file.bytes, 0);
  let bytes = 0;
  const differing = await filesThatDiffer({
    directory: directory.path,
    files: comparable,
    signal,
    onBytes: (more, item) => progress({ phase: 'comparing', bytes: (bytes += more), expectedBytes, item }),
  });
  const others = files.filter((file) => !isComparable(file)).map(({ path }) => wholePath(path));
  return new Set([...differing, ...others]);
}

async function putChanges(
  artefact: CommittedArtefact,
  restore: DeltaRestore,
  directory: DataDirectory,
  changes: Changes,
): Promise<void> {
  const { signal, progress } = restore;
  const isLast = artefact === restore.chain.at(-1);
  await using file = await ArtefactFile.open(artefact);
  const expectedBytes = artefact.originalBytes;
  let done = 0;
  for (const stream of file.index.streams.filter(({ name }) => isArchive(name))) {
    const folder = await folderOf(stream.name, directory, restore);
    await using archive = new RestoredArchive(stream.name, folder, changes.divided, changes.taker(isLast));
    const told = (bytes: number) =>
      progress({ phase: 'restoring', bytes: (done += bytes), expectedBytes, item: stream.name });
    const leavesOut = (bytes: number) => {
      if (bytes >= archive.unwanted) return false;
      archive.skip(bytes);
      told(bytes);
      return true;
    };
    for await (const part of file.readShared(stream, leavesOut)) {
      signal.throwIfAborted();
      await at(file, stream.name, () => archive.push(part));
      told(part.bytes.length);
    }
    await at(file, stream.name, () => archive.end());
  }
  if (isLast) await removeOtherWal(directory, changes.wal);
}

async function folderOf(archive: string, directory: DataDirectory, { newTablespaces }: DeltaRestore): Promise<string> {
  const oid = /^(\d+)\.tar$/.exec(archive)?.[1];
  if (oid === undefined) return directory.path;
  const link = join(directory.path, 'pg_tblspc', oid);
  if (!directory.tablespaces.has(oid)) {
    const folder = join(newTablespaces, oid);
    await mkdir(folder, { recursive: true, mode: 0o700 });
    await rm(link, { force: true });
    await symlink(folder, link);
    directory.tablespaces.set(oid, folder);
  }
  return link;
}

/** It would be replayed, and lead beyond the backup. */
async function removeOtherWal(directory: DataDirectory, wal: ReadonlySet<string>): Promise<void> {
  for (const folder of ['pg_wal', 'pg_wal/archive_status', 'pg_wal/summaries']) {
    const names = await readdir(join(directory.path, folder)).catch(() => []);
    for (const path of names.map((name) => `${folder}/${name}`)) {
      if (wal.has(path)) continue;
      const file = join(directory.path, path);
      if ((await lstat(file)).isDirectory()) continue;
      await rm(file);
    }
  }
}

/** Every file that was not as it is to be is compared once more; what came whole by what was read and written of it. */
async function compare(
  { chain, signal, progress }: DeltaRestore,
  directory: DataDirectory,
  files: readonly ListedFile[],
  { differing, divided, sums }: Changes,
): Promise<void> {
  const again = files.filter(({ path }) => differing.has(path));
  const expectedBytes = again.reduce((sum, file) => sum + file.bytes, 0);
  let bytes = 0;
  const differences = await compareFiles({
    directory: directory.path,
    files: again,
    known: sums,
    standsAt: (path) => (path === CONTROL ? CONTROL_NEW : path),
    // Without it hint bits change silently; those that the earlier backup has are as good.
    sizeOnly: chain.at(-1)?.manifest.physical?.hintsLogged ? new Set() : divided,
    signal,
    onBytes: (more, item) => progress({ phase: 'comparing', bytes: (bytes += more), expectedBytes, item }),
  });
  if (differences.length > 0) throw new HozenError('CONTENT_DIFFERS', { what: named(differences) });
}

function besideControl(path: string): string {
  return path.slice(0, -CONTROL.length) + CONTROL_NEW;
}

async function at<T>(file: ArtefactFile, name: string, work: () => T | Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw damaged(file.path, name, error);
  }
}
