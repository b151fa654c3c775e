import { warningText } from '@hozen/contracts';
import { createHash } from 'node:crypto';
import { lstat, open, readdir, readFile, readlink, realpath, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { isMissing } from '../../storage/storage-error.js';
import { CONTROL, CONTROL_BEFORE, PID_FILE, unfinishedIn } from './directory-lock.js';

/** A data directory that stands, as it is found. */
export interface DataDirectory {
  /** Links followed. */
  path: string;
  major: number;
  systemIdentifier: string;
  /** Of its control file: another one as soon as a server has run on it. */
  state: string;
  /** Whether its last server was shut down in good order. */
  wasShutDown: boolean;
  /** Folder of the WAL, where that is a link. */
  wal: string | undefined;
  /** Folders of the tablespaces, by their OIDs. */
  tablespaces: Map<string, string>;
  /** The restore that was begun on it, and has not come to its end. */
  unfinished: string | undefined;
}

/** The places in a control file, the same since PostgreSQL 9 (src/include/catalog/pg_control.h). */
const STATE_OFFSET = 16;
const CONTROL_BYTES = 8192;
const SHUT_DOWN: readonly number[] = [1, 2];

/** @returns undefined where it is none of PostgreSQL's */
export async function dataDirectoryAt(directory: string): Promise<DataDirectory | undefined> {
  try {
    const path = await realpath(directory);
    const major = Number(await readFile(join(path, 'PG_VERSION'), 'utf8'));
    const control = await controlOf(path);
    if (!Number.isInteger(major) || !control) return undefined;
    return {
      path,
      major,
      systemIdentifier: control.readBigUInt64LE(0).toString(),
      state: createHash('sha256').update(control).digest('hex'),
      wasShutDown: SHUT_DOWN.includes(control.readInt32LE(STATE_OFFSET)),
      wal: await followed(join(path, 'pg_wal')),
      tablespaces: await tablespacesIn(path),
      unfinished: await unfinishedIn(path),
    };
  } catch (error) {
    if (isMissing(error) || (error as NodeJS.ErrnoException).code === 'ENOTDIR') return undefined;
    throw error;
  }
}

/** All folders of it that are written into. */
export function foldersOf({ path, wal, tablespaces }: DataDirectory): string[] {
  return [path, ...(wal === undefined ? [] : [wal]), ...tablespaces.values()];
}

/**
 * A server that works on it or on a folder of it, as a file or a process that says so. A server whose `postmaster.pid` was
 * removed still has the directory as its own; so has that of the original where this is a copy whose tablespaces are links to
 * the original's.
 */
export async function serverOn(directory: DataDirectory): Promise<string | undefined> {
  const pidFile = join(directory.path, PID_FILE);
  const isThere = await lstat(pidFile).then(
    () => true,
    () => false,
  );
  if (isThere && directory.unfinished === undefined) return pidFile;
  const folders = new Set(foldersOf(directory));
  for (const [pid, folder] of await workingFolders()) {
    const theirs =
      folder === directory.path
        ? [folder]
        : await tablespacesIn(folder).then(
            (each) => [...each.values()],
            () => [],
          );
    if (theirs.some((each) => folders.has(each))) return warningText('what.process', { pid, folder });
  }
  return undefined;
}

/** A postmaster works in its data directory. Those of other users are not seen, but their files are not ours to write either. */
async function workingFolders(): Promise<[pid: string, folder: string][]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const folders = new Map<string, string>();
  for (const pid of pids) {
    const name = await readFile(`/proc/${pid}/comm`, 'utf8').catch(() => '');
    if (!/^(?:postgres|postmaster)/.test(name)) continue;
    const folder = await readlink(`/proc/${pid}/cwd`).catch(() => undefined);
    if (folder !== undefined) folders.set(folder, pid);
  }
  return [...folders].map(([folder, pid]) => [pid, folder]);
}

/** The one that is there, or was until a restore began. */
async function controlOf(path: string): Promise<Buffer | undefined> {
  for (const name of [CONTROL, CONTROL_BEFORE]) {
    try {
      await using file = await open(join(path, name));
      const { buffer, bytesRead } = await file.read(Buffer.alloc(CONTROL_BYTES), 0, CONTROL_BYTES, 0);
      return bytesRead > STATE_OFFSET + 4 ? buffer : undefined;
    } catch (error) {
      if (!isMissing(error)) throw error;
    }
  }
  return undefined;
}

async function tablespacesIn(path: string): Promise<Map<string, string>> {
  const links = join(path, 'pg_tblspc');
  const found = new Map<string, string>();
  for (const oid of (await readdir(links)).filter((name) => /^\d+$/.test(name))) {
    const folder = await realpath(join(links, oid)).catch(() => undefined);
    if (folder !== undefined && (await stat(folder)).isDirectory()) found.set(oid, folder);
  }
  return found;
}

async function followed(path: string): Promise<string | undefined> {
  return (await lstat(path)).isSymbolicLink() ? realpath(path) : undefined;
}
