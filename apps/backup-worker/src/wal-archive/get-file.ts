import { access } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { HozenError } from '@hozen/contracts';
import { requireWalName, type WalArchive } from './wal-archive.js';

/** So long a gap may be the work of a push that sends several files at a time. */
const GAP_CLOSES_WITHIN_MS = 5_000;

/**
 * A file that a server asks for.
 * @returns undefined where the archive does not have it: the end of the WAL
 * @throws HozenError WAL_GAP where it should have it, ARTEFACT_CORRUPT, of keys and storage: recovery must not go on
 */
export async function getFile(
  archive: WalArchive,
  wanted: string,
  gapClosesWithinMs = GAP_CLOSES_WITHIN_MS,
): Promise<Buffer | undefined> {
  const name = requireWalName(wanted);
  const found = await archive.get(name);
  // A standby has other ways to get what is missing, and asks again.
  if (found || (await isStandby())) return found;
  if (!(await archive.isGap(name))) return name.kind === 'segment' ? archive.shown(wanted) : undefined;
  const deadline = performance.now() + gapClosesWithinMs;
  while (performance.now() < deadline) {
    await delay(100);
    const late = await archive.get(name);
    if (late) return late;
  }
  throw new HozenError('WAL_GAP', { name: wanted, path: archive.location });
}

/** The server runs the command in its data directory. */
function isStandby(): Promise<boolean> {
  return access('standby.signal').then(
    () => true,
    () => false,
  );
}
