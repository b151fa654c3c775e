import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { DataDirectory } from './data-directory.js';
import { CONTROL, CONTROL_BEFORE, CONTROL_NEW } from './directory-lock.js';

/** Folders that a server alone writes into: what the backup does not have there is of a time after or before it. */
const OWN_FOLDERS: ReadonlySet<string> = new Set([
  'base',
  'global',
  'pg_commit_ts',
  'pg_dynshmem',
  'pg_logical',
  'pg_multixact',
  'pg_notify',
  'pg_replslot',
  'pg_serial',
  'pg_snapshots',
  'pg_stat',
  'pg_stat_tmp',
  'pg_subtrans',
  'pg_tblspc',
  'pg_twophase',
  'pg_wal',
  'pg_xact',
]);

/** Files beside them that say how a server is to start. Everything else there may be somebody's: logs, keys, notes. */
const OWN_FILES: ReadonlySet<string> = new Set([
  'backup_label',
  'backup_label.old',
  'backup_manifest',
  'hozen-restore.json',
  'postgresql.auto.conf.tmp',
  'postmaster.opts',
  'recovery.done',
  'recovery.signal',
  'standby.signal',
  'tablespace_map',
  'tablespace_map.old',
]);

const CONTROLS: ReadonlySet<string> = new Set([CONTROL, CONTROL_BEFORE, CONTROL_NEW]);

export interface Standing {
  /** From the data directory, as a backup_manifest has it. */
  path: string;
  kind: 'file' | 'folder' | 'other';
}

/** Everything in a data directory and its tablespaces, folders after what is in them. The lock and the control file are left out. */
export async function whatStands(directory: DataDirectory, versionFolder: string | undefined): Promise<Standing[]> {
  const found: Standing[] = [];
  await walk('');
  // Of the folder of a tablespace only what is of this version belongs to the cluster.
  const oids = versionFolder === undefined ? [] : directory.tablespaces.keys();
  for (const oid of oids) await walk(`pg_tblspc/${oid}/${versionFolder}`);
  return found;

  async function walk(folder: string): Promise<void> {
    for (const entry of await entriesOf(join(directory.path, folder))) {
      const path = folder === '' ? entry.name : `${folder}/${entry.name}`;
      if (CONTROLS.has(path)) continue;
      const isLinked = (path === 'pg_wal' && directory.wal !== undefined) || isTablespace(path, directory);
      if (entry.isDirectory() || path === 'pg_wal') await walk(path);
      if (isLinked) continue;
      found.push({ path, kind: entry.isDirectory() ? 'folder' : entry.isFile() ? 'file' : 'other' });
    }
  }
}

function isTablespace(path: string, { tablespaces }: DataDirectory): boolean {
  const oid = /^pg_tblspc\/(\d+)$/.exec(path)?.[1];
  return oid !== undefined && tablespaces.has(oid);
}

/** Whether it goes where the backup does not have it. */
export function isOwn(path: string): boolean {
  const [top = ''] = path.split('/');
  return path === top ? OWN_FILES.has(path) : OWN_FOLDERS.has(top);
}

/** @param wanted files of the backup @returns what is to be removed, in this order */
export function surplus(standing: readonly Standing[], wanted: ReadonlySet<string>): Standing[] {
  const folders = new Set([...wanted].flatMap(parentsOf));
  return standing.filter(({ path, kind }) => {
    if (path.startsWith('pg_wal/')) return false;
    if (wanted.has(path)) return kind !== 'file';
    // Nothing but a folder can hold what comes there.
    if (folders.has(path)) return kind !== 'folder';
    return isOwn(path);
  });
}

export async function removeStanding(directory: DataDirectory, gone: readonly Standing[]): Promise<void> {
  for (const { path } of gone) await rm(join(directory.path, path), { recursive: true, force: true });
}

function parentsOf(path: string): string[] {
  const parts = path.split('/');
  return parts.slice(1).map((_, index) => parts.slice(0, index + 1).join('/'));
}

async function entriesOf(folder: string) {
  try {
    return await readdir(folder, { withFileTypes: true });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}
