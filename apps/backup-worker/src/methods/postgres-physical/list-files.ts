import { readdir, stat } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { isMissing } from '../../storage/storage-error.js';

/** One file or folder of a data directory or tablespace. */
export interface DirectoryEntry {
  /** From the top of what is listed. */
  name: string;
  type: 'file' | 'folder';
  mode: number;
}

/** Contents that a server makes anew; the folders themselves must be there (basebackup.c, excludeDirContents). */
const EMPTIED = new Set([
  'pg_dynshmem',
  'pg_notify',
  'pg_replslot',
  'pg_serial',
  'pg_snapshots',
  'pg_stat_tmp',
  'pg_subtrans',
]);

/** Of one life of a server, or of one backup (basebackup.c, excludeFiles). */
const LEFT_OUT = new Set([
  'backup_label',
  'backup_label.old',
  'backup_manifest',
  'current_logfiles',
  'current_logfiles.tmp',
  'postgresql.auto.conf.tmp',
  'postmaster.opts',
  'postmaster.pid',
  'tablespace_map',
  'tablespace_map.old',
]);

const TEMPORARY_RELATION = /^t\d+_\d+(?:_(?:fsm|vm|init))?(?:\.\d+)?$/;
const RELATION_FILE = /^(\d+)(?:_(fsm|vm|init))?(?:\.\d+)?$/;
const DATABASE_FOLDER = /^(?:base|PG_[^/]+)\/\d+$/;

/** Everything in a data directory that belongs into a copy of it, folders before what is in them. */
export function listDataDirectory(directory: string): Promise<DirectoryEntry[]> {
  return listFolder(directory, '');
}

/** It is read last: replay must go at least to where it says. */
export function isControlFile({ name }: DirectoryEntry): boolean {
  return name === 'global/pg_control';
}

/** The folder of this server's version in a tablespace, with all that belongs into a copy. */
export function listTablespace(location: string, versionFolder: string): Promise<DirectoryEntry[]> {
  return listFolder(location, versionFolder, true);
}

/**
 * Everything in a data directory or tablespace that was just restored, and that no server used since: nothing is left out
 * but tablespaces and WAL, which have their own places in a copy.
 */
export async function listRestored(top: string): Promise<DirectoryEntry[]> {
  const entries: DirectoryEntry[] = [];
  for (const entry of await readdir(top, { withFileTypes: true, recursive: true })) {
    const name = relative(top, join(entry.parentPath, entry.name));
    if (name.startsWith('pg_tblspc/')) continue;
    if (entry.isDirectory()) entries.push({ name, type: 'folder', mode: 0o700 });
    else if (entry.isFile() && !name.startsWith('pg_wal/')) entries.push({ name, type: 'file', mode: 0o600 });
  }
  return entries.toSorted((one, other) => (one.name < other.name ? -1 : 1));
}

async function listFolder(top: string, folder: string, withItself = false): Promise<DirectoryEntry[]> {
  const entries: DirectoryEntry[] = [];
  const path = join(top, folder);
  const found = await unlessMissing(() => readdir(path, { withFileTypes: true }));
  if (!found) return [];
  if (withItself) entries.push({ name: folder, type: 'folder', mode: (await stat(path)).mode & 0o7777 });
  const unlogged = DATABASE_FOLDER.test(folder) ? unloggedRelations(found.map(({ name }) => name)) : new Set<string>();
  for (const entry of found.toSorted((a, b) => a.name.localeCompare(b.name))) {
    const name = folder === '' ? entry.name : `${folder}/${entry.name}`;
    if (isLeftOut(entry.name, folder, unlogged)) continue;
    // A folder of WAL may be a link; a link anywhere else is no business of the server's.
    if (entry.isDirectory() || name === 'pg_wal') entries.push(...(await listInner(top, name)));
    else if (entry.isFile()) entries.push({ name, type: 'file', mode: 0o600 });
  }
  return entries;
}

async function listInner(top: string, name: string): Promise<DirectoryEntry[]> {
  const mode = (await unlessMissing(() => stat(join(top, name))))?.mode;
  if (mode === undefined) return [];
  const itself = { name, type: 'folder', mode: mode & 0o7777 } as const;
  if (EMPTIED.has(name) || name === 'pg_tblspc') return [itself];
  if (name === 'pg_wal') return [itself, { name: 'pg_wal/archive_status', type: 'folder', mode: 0o700 }];
  return [itself, ...(await listFolder(top, name))];
}

function isLeftOut(name: string, folder: string, unlogged: ReadonlySet<string>): boolean {
  if (name.startsWith('pgsql_tmp') || name.startsWith('pg_internal.init')) return true;
  if (folder === '' && LEFT_OUT.has(name)) return true;
  if (TEMPORARY_RELATION.test(name)) return true;
  const [, number, fork] = RELATION_FILE.exec(name) ?? [];
  // An unlogged relation begins again from its init fork.
  return number !== undefined && fork !== 'init' && unlogged.has(number);
}

function unloggedRelations(names: readonly string[]): Set<string> {
  return new Set(names.flatMap((name) => /^(\d+)_init$/.exec(name)?.[1] ?? []));
}

async function unlessMissing<T>(work: () => Promise<T>): Promise<T | undefined> {
  try {
    return await work();
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}
