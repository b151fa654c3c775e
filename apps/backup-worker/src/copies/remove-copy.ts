import { basename } from 'node:path';
import type { BackupTrigger, StorageSpec } from '@hozen/contracts';
import { storageOf } from '../storage/storage-of.js';
import { reachedNow } from './reached-now.js';

/** A second copy that goes with its artefact. */
export interface DueRemoval {
  path: string;
  storage: StorageSpec;
  /** The second storage of its config now. */
  now: StorageSpec | null;
  trigger: BackupTrigger;
}

/** Nobody writes it any more: an artefact that is to go is not copied, and whoever did has lost the right to. */
const EVERY_EPOCH = Number.MAX_SAFE_INTEGER;

/**
 * Removes a second copy, whole or half-written. What is half-written goes first: a worker that was paused before it shows
 * its copy then has nothing to show.
 * @throws HozenError of the STORAGE_ codes. What is gone already is none.
 */
export async function removeCopy(runId: string, { path, storage: stored, now, trigger }: DueRemoval): Promise<void> {
  const storage = storageOf(reachedNow(stored, now));
  const owner = { runId, epoch: EVERY_EPOCH, trigger, fileName: basename(path), kinds: [] };
  await storage.removeLeftovers(owner, EVERY_EPOCH);
  await storage.remove(path);
}
