import { HozenError } from '@hozen/contracts';
import { byFileSystem, statfsOf, type Need, type SpaceNeed } from '../admission/file-systems.js';
import type { BackupJob } from '../job.js';
import type { ReadyTarget } from './method.js';
import { ownerOf } from '../storage/artefact-paths.js';
import { onStorage } from '../storage/storage-error.js';
import { storageOf } from '../storage/storage-of.js';

/** The artefact is expected to take this share of the size of the data. */
const SHARE = 4;

/**
 * Looks whether the artefact will fit, and the scratch server too where the proof needs one: twice of what is expected.
 * @param checking the check of the target, which may be going on
 * @param keepSpace keeps the room for the run; throws where others have it
 * @returns once it is known that it fits; it may not be kept yet
 * @throws HozenError STORAGE_UNWRITABLE, STORAGE_IO, DISK_TOO_SMALL, and what the check of the target throws
 */
export async function checkRoom(
  job: BackupJob,
  checking: Promise<Pick<ReadyTarget, 'bytes' | 'scratchBytes' | 'spoolBytes'>>,
  keepSpace?: (needs: readonly SpaceNeed[]) => Promise<void>,
): Promise<KeptRoom> {
  // Both look at something far away; the target's failure is told first.
  const storage = storageOf(job.config.storage).check(ownerOf(job));
  storage.catch(() => undefined);
  const { bytes: original, scratchBytes = original, spoolBytes = 0 } = await checking;
  const directory = await storage;
  const needs: Need[] = [];
  if (directory !== undefined) needs.push({ path: directory, bytes: (2 * original) / SHARE });
  // One after the other.
  const spool = Math.max(spoolBytes, job.proof === 'restore' ? 2 * scratchBytes : 0);
  if (spool > 0) needs.push({ path: job.spoolDir, bytes: spool });
  const found = await onStorage(directory ?? job.spoolDir, () => byFileSystem(needs));
  const kept = keepSpace?.(found) ?? Promise.resolve();
  kept.catch(() => undefined);
  for (const { path, bytes, freeBytes: free } of found) {
    if (free >= bytes) continue;
    // There may be, once others are done.
    await kept;
    throw new HozenError('DISK_TOO_SMALL', { path, free: readable(free), needed: readable(bytes) });
  }
  return { kept };
}

export interface KeptRoom {
  /** Rejects where others have the room: nothing may be published then. */
  kept: Promise<void>;
}

/** On the file system of the nearest folder that exists already. @throws HozenError of the STORAGE_ codes */
export async function freeBytes(path: string): Promise<number> {
  const { bavail, bsize } = await onStorage(path, () => statfsOf(path));
  return bavail * bsize;
}

/** `12.3 GB` */
export function readable(bytes: number): string {
  const units = ['bytes', 'kB', 'MB', 'GB', 'TB', 'PB'];
  const step = Math.min(units.length - 1, Math.max(0, Math.floor(Math.log10(Math.max(1, bytes)) / 3)));
  return `${(bytes / 1000 ** step).toFixed(step === 0 ? 0 : 1)} ${units[step]}`;
}
