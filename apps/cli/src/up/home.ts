import { createHash } from 'node:crypto';
import { chmod, lstat, mkdir, stat, statfs, symlink } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { HozenError } from '@hozen/contracts';
import { makeFolders } from '@hozen/dbms';
import { bytesText } from '../terminal/units.js';

/** The data folder of `hozen up`; docs/operations.md tells what is in each part. */
export interface Home {
  path: string;
  postgres: string;
  sample: string;
  spool: string;
  nats: string;
  run: string;
  logs: string;
  backups: string;
  mail: string;
  traces: string;
  secrets: string;
}

/** The servers of PostgreSQL, which refuse to run as root, work in these. */
const SERVER_FOLDERS = ['postgres', 'sample', 'spool'] as const;
const OWN_FOLDERS = ['nats', 'run', 'logs', 'backups', 'mail', 'traces', 'secrets'] as const;

/** Where the servers' folders go when root's data folder is in a place that other users cannot pass through. */
const OPEN_PLACE = '/var/lib/hozen';

/** Room for the servers' files, the sample and its backup. */
const ROOM = 300_000_000;

/** Creates the data folder and its parts, closed to other users. @throws HozenError STORAGE_UNWRITABLE, DISK_TOO_SMALL */
export async function prepareHome(path: string): Promise<Home> {
  const root = process.getuid?.() === 0;
  try {
    await makeFolders(path, 0o700);
    // The user of the servers passes through, but cannot look around.
    await chmod(path, root ? 0o711 : 0o700);
    for (const name of OWN_FOLDERS) await ownFolder(join(path, name), 0o700);
    for (const name of SERVER_FOLDERS) await (root ? serverFolder(path, name) : ownFolder(join(path, name), 0o700));
  } catch (cause) {
    throw new HozenError('STORAGE_UNWRITABLE', { path }, { cause, detail: (cause as Error).message });
  }
  const { bavail, bsize } = await statfs(path);
  if (bavail * bsize < ROOM) {
    throw new HozenError('DISK_TOO_SMALL', { path, free: bytesText(bavail * bsize), needed: bytesText(ROOM) });
  }
  const folders = [...OWN_FOLDERS, ...SERVER_FOLDERS].map((name) => [name, join(path, name)]);
  return { path, ...(Object.fromEntries(folders) as Omit<Home, 'path'>) };
}

async function ownFolder(path: string, mode: number): Promise<void> {
  await mkdir(path, { recursive: true, mode });
  await chmod(path, mode);
}

/** A folder that the servers' user can reach: in the data folder, or linked from it where the way there is closed. */
async function serverFolder(home: string, name: string): Promise<void> {
  const path = join(home, name);
  const there = await lstat(path).catch(() => undefined);
  if (there === undefined && !(await othersCanPass(home))) {
    const place = join(OPEN_PLACE, createHash('sha256').update(resolve(home)).digest('hex').slice(0, 12), name);
    await mkdir(place, { recursive: true, mode: 0o711 });
    await symlink(place, path);
    return;
  }
  // Through a link as well: what it points to may have been cleared away.
  await mkdir(path, { recursive: true, mode: 0o711 });
  await chmod(path, 0o711);
}

async function othersCanPass(path: string): Promise<boolean> {
  for (let folder = resolve(path); ; folder = dirname(folder)) {
    const { mode } = await stat(folder);
    if ((mode & 0o001) === 0) return false;
    if (folder === dirname(folder)) return true;
  }
}
