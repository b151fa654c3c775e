import { warningText } from '@hozen/contracts';
import { readdir, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { makeFolders } from '@hozen/dbms';
import { inSpan } from '@hozen/telemetry';
import type { AttemptContext } from '../job.js';
import type { NotSet } from '../restore/files/unpack-tree.js';
import type { CommittedArtefact } from '../storage/committed-artefact.js';
import { isMissing, onStorage } from '../storage/storage-error.js';
import { restoreAndCompareTree } from '../verification/restore-and-compare-tree.js';
import { besideOf, nameAtLast, type RestoredPlace } from './restore-directory.js';

export interface TreeDirectoryRestore
  extends RestoredPlace, Pick<AttemptContext, 'signal' | 'progress' | 'ensureLease'> {
  /** The full backup first. */
  chain: readonly CommittedArtefact[];
  /** Writes down that it gets its name now: no file of ours may stand in a tree that is to be as it was. */
  markOpening: () => Promise<void>;
}

/**
 * Restores a tree beside its place, compares it with its listing, and gives it its name as the last thing.
 * @returns warnings
 * @throws HozenError CONTENT_DIFFERS, LEASE_LOST, ARTEFACT_CORRUPT, of the STORAGE_ and DISK_ codes
 */
export async function restoreTreeDirectory(restore: TreeDirectoryRestore): Promise<string[]> {
  const { directory } = restore;
  return inSpan('restore directory', { attributes: { 'file.path': directory } }, () =>
    onStorage(directory, async () => {
      const beside = besideOf(restore);
      await makeFolders(dirname(directory), 0o755);
      const { notSet } = await restoreAndCompareTree(restore.chain, beside, restore);
      await restore.markOpening();
      await nameAtLast(restore, beside);
      return warningsOf(notSet);
    }),
  );
}

/** Whether an earlier owner, who wrote down that it gets its name, has given it: what had another one is gone then. */
export async function isNamed(place: RestoredPlace): Promise<boolean> {
  const isBeside = await stat(besideOf(place)).then(() => true, isThere);
  return !isBeside && (await readdir(place.directory).then((names) => names.length > 0, isThere));
}

/** What a restored tree has otherwise than the original. */
export function warningsOf({ owners, devices, attributes }: NotSet): string[] {
  return [
    ...(owners ? [warningText('restore.owners-not-set')] : []),
    ...(devices ? [warningText('restore.devices-not-set')] : []),
    ...(attributes ? [warningText('restore.attributes-not-set')] : []),
  ];
}

function isThere(error: unknown): boolean {
  if (isMissing(error)) return false;
  throw error;
}
