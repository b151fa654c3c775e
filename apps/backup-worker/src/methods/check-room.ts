import type { StatsFs } from 'node:fs';
import { statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import { HozenError } from '@hozen/contracts';
import type { BackupJob } from '../job.js';
import type { ReadyTarget } from './method.js';
import { ownerOf } from '../storage/artefact-paths.js';
import { isMissing, onStorage } from '../storage/storage-error.js';
import { storageOf } from '../storage/storage-of.js';

/** The artefact is expected to take this share of the size of the data. */
const SHARE = 4;

/**
 * Looks whether the artefact will fit, and the scratch server too where the proof needs one: twice of what is expected.
 * @param checking the check of the target, which may be going on
 * @throws HozenError STORAGE_UNWRITABLE, STORAGE_IO, DISK_TOO_SMALL, and what the check of the target throws
 */
export async function checkRoom(
  job: BackupJob,
  checking: Promise<Pick<ReadyTarget, 'bytes' | 'scratchBytes'>>,
): Promise<void> {
  // Both look at something far away; the target's failure is told first.
  const storage = storageOf(job.config.storage).check(ownerOf(job));
  storage.catch(() => undefined);
  const { bytes: original, scratchBytes = original } = await checking;
  const directory = await storage;
  const needs: Need[] = [];
  if (directory !== undefined) needs.push({ path: directory, bytes: (2 * original) / SHARE });
  if (job.proof === 'restore') needs.push({ path: job.spoolDir, bytes: 2 * scratchBytes });
  for (const { path, bytes } of await byFileSystem(needs)) {
    const free = await freeBytes(path);
    if (free < bytes) throw new HozenError('DISK_TOO_SMALL', { path, free: readable(free), needed: readable(bytes) });
  }
}

interface Need {
  path: string;
  bytes: number;
}

/** Needs on one file system add up; the first one's path names it. */
async function byFileSystem(needs: Need[]): Promise<Need[]> {
  const found = new Map<string, Need>();
  for (const need of needs) {
    const { type, blocks, bfree, files } = await onStorage(need.path, () => statfsOf(need.path));
    const key = [type, blocks, bfree, files].join('/');
    const same = found.get(key);
    if (same) same.bytes += need.bytes;
    else found.set(key, { ...need });
  }
  return [...found.values()];
}

/** On the file system of the nearest folder that exists already. @throws HozenError of the STORAGE_ codes */
export async function freeBytes(path: string): Promise<number> {
  const { bavail, bsize } = await onStorage(path, () => statfsOf(path));
  return bavail * bsize;
}

/** Of the nearest folder that exists already. */
async function statfsOf(path: string): Promise<StatsFs> {
  try {
    return await statfs(path);
  } catch (error) {
    if (isMissing(error) && dirname(path) !== path) return statfsOf(dirname(path));
    throw error;
  }
}

/** `12.3 GB` */
export function readable(bytes: number): string {
  const units = ['bytes', 'kB', 'MB', 'GB', 'TB', 'PB'];
  const step = Math.min(units.length - 1, Math.max(0, Math.floor(Math.log10(Math.max(1, bytes)) / 3)));
  return `${(bytes / 1000 ** step).toFixed(step === 0 ? 0 : 1)} ${units[step]}`;
}
