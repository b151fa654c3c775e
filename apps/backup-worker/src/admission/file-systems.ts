import { readFile, stat, statfs } from 'node:fs/promises';
import type { StatsFs } from 'node:fs';
import { dirname } from 'node:path';
import { isMissing } from '../storage/storage-error.js';

/** Room that something needs below a folder. */
export interface Need {
  path: string;
  bytes: number;
}

/** Needs of one file system together; the path is that of the first one. */
export interface SpaceNeed extends Need {
  /** The same for everybody who sees this file system. */
  fileSystem: string;
  freeBytes: number;
}

/** statfs(2), f_type: NFS, SMB, SMB2, CIFS, CephFS. */
const SHARED_TYPES: ReadonlySet<number> = new Set([0x6969, 0x517b, 0xfe534d42, 0xff534d42, 0x00c36400]);

/** Needs on one file system add up. @throws what the system says of a folder that cannot be looked at */
export async function byFileSystem(needs: readonly Need[]): Promise<SpaceNeed[]> {
  const found = new Map<string, SpaceNeed>();
  for (const need of needs) {
    const { key, freeBytes } = await lookAt(need.path);
    const same = found.get(key);
    if (same) same.bytes += need.bytes;
    else found.set(key, { ...need, fileSystem: key, freeBytes });
  }
  return [...found.values()];
}

/** Of the nearest folder that exists already. */
export async function statfsOf(path: string): Promise<StatsFs> {
  return statfs(await nearest(path));
}

async function lookAt(path: string): Promise<{ key: string; freeBytes: number }> {
  const folder = await nearest(path);
  const { type, bavail, bsize, blocks, files } = await statfs(folder);
  const key = SHARED_TYPES.has(type)
    ? `shared ${[type, bsize, blocks, files].join(' ')}`
    : `${await machine()} ${(await stat(folder)).dev}`;
  return { key, freeBytes: bavail * bsize };
}

async function nearest(path: string): Promise<string> {
  try {
    await stat(path);
    return path;
  } catch (error) {
    if (isMissing(error) && dirname(path) !== path) return nearest(dirname(path));
    throw error;
  }
}

let boot: string | undefined;

/** The same for all containers on it. */
async function machine(): Promise<string> {
  return (boot ??= (await readFile('/proc/sys/kernel/random/boot_id', 'utf8')).trim());
}
