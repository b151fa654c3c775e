import { lstat, mkdir, readdir, rm, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { HozenError } from '@hozen/contracts';
import { failpoint, inSpan } from '@hozen/telemetry';
import type { AttemptContext } from '../../job.js';
import type { ListedFile } from '../../methods/postgres-physical/backup-manifest.js';
import { wholePath } from '../../methods/postgres-physical/incremental-file.js';
import type { CommittedArtefact } from '../../storage/committed-artefact.js';
import { compareFiles, filesThatDiffer } from '../../verification/compare-files.js';
import { named } from '../../verification/named.js';
import type { FileWriter } from '../physical/placed-writer.js';
import { restoreChain, type FilesPlace, type RestoredFiles } from '../physical/restore-chain.js';
import { spoolIn } from '../physical/restore-files.js';
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
    const changes = new Changes(directory, restore.newTablespaces, differing);
    const restored = await putChanges(restore, directory, changes);
    await failpoint('restore.delta-written');
    await compare(restore, directory, restored, differing);
    return {
      same: files.length - differing.size,
      changed: changes.written.size,
      written: changes.bytes,
      removed: gone.length,
    };
  });
}

/** Files that are others come over what stands there. */
class Changes implements FilesPlace {
  readonly overOthers = true;
  readonly spool: string;
  bytes = 0;
  readonly written = new Set<string>();
  /** Names of the WAL. */
  readonly wal = new Set<string>();

  constructor(
    private readonly directory: DataDirectory,
    private readonly newTablespaces: string,
    readonly differing: ReadonlySet<string>,
  ) {
    this.spool = spoolIn(directory.path);
  }

  async folderOf(archive: string): Promise<string> {
    const { directory } = this;
    const oid = /^(\d+)\.tar$/.exec(archive)?.[1];
    if (oid === undefined) return directory.path;
    const link = join(directory.path, 'pg_tblspc', oid);
    if (!directory.tablespaces.has(oid)) {
      const folder = join(this.newTablespaces, oid);
      await mkdir(folder, { recursive: true, mode: 0o700 });
      await rm(link, { force: true });
      await symlink(folder, link);
      directory.tablespaces.set(oid, folder);
    }
    return link;
  }

  wants(listed: string): boolean {
    if (!listed.startsWith('pg_wal/')) return this.differing.has(listed);
    this.wal.add(listed);
    return true;
  }

  writer({ path, listed }: { path: string; listed: string }): FileWriter {
    return new ChangedWriter(listed === CONTROL ? besideControl(path) : path, (bytes) => {
      this.bytes += bytes;
      this.written.add(listed);
    });
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
  { chain, signal, progress }: DeltaRestore,
  directory: DataDirectory,
  changes: Changes,
): Promise<RestoredFiles> {
  const expectedBytes = chain.reduce((sum, each) => sum + each.originalBytes, 0);
  let bytes = 0;
  const onBytes = (more: number, item: string) =>
    progress({ phase: 'restoring', bytes: (bytes += more), expectedBytes, item });
  const restored = await restoreChain({ chain, place: changes, signal, onBytes });
  await removeOtherWal(directory, changes.wal);
  return restored;
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

/** Every file that was not as it is to be is compared once more, by what was read and written of it. */
async function compare(
  { chain, signal, progress }: DeltaRestore,
  directory: DataDirectory,
  { files, divided, written }: RestoredFiles,
  differing: ReadonlySet<string>,
): Promise<void> {
  const again = files.filter(({ path }) => differing.has(path));
  const expectedBytes = again.reduce((sum, file) => sum + file.bytes, 0);
  let bytes = 0;
  const differences = await compareFiles({
    directory: directory.path,
    files: again,
    known: written,
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
