import { readdir } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { failpoint } from '@hozen/telemetry';
import type { Spool } from './spool.js';
import type { WalArchive } from './wal-archive.js';
import { walNameOf } from './wal-name.js';

const READY = '.ready';

export interface PushOptions {
  jobs: number;
  ahead: number;
  /** Without it nothing is sent ahead. */
  spool: Spool | undefined;
}

/**
 * Archives the file that the server asks for and, at the same time, those that it will ask for next: when their turn comes,
 * nothing is left to do. Only what is stored and synced is marked so; whether the others came through does not matter here.
 * @throws what the first file meets: HozenError of WalArchive.push
 */
export async function pushWithOthers(archive: WalArchive, path: string, options: PushOptions): Promise<void> {
  const { spool } = options;
  if (!spool) {
    await archive.push(path);
    return;
  }
  const waiting = await waitingBeside(path);
  await spool.forgetAllBut(new Set(waiting));
  const others = waiting.filter((name) => name !== basename(path)).slice(0, options.ahead);
  const first = archive.push(path);
  first.catch(() => undefined);
  const lane = async () => {
    for (let name = others.shift(); name !== undefined; name = others.shift()) {
      const file = join(dirname(path), name);
      if (await spool.wasPushed(file)) continue;
      const sum = await archive.push(file).catch(() => undefined);
      // It comes again in its turn, and says then what is wrong. The next ones would most likely fail as well.
      if (sum === undefined) return;
      await failpoint('archive.before-mark');
      await spool.markPushed(name, sum);
    }
  };
  await Promise.all(Array.from({ length: Math.max(0, options.jobs - 1) }, lane));
  await first;
}

/** What the server wants archived, in its order: histories first. */
async function waitingBeside(path: string): Promise<string[]> {
  const names = await readdir(join(dirname(path), 'archive_status')).catch(() => []);
  const waiting = names.filter((name) => name.endsWith(READY)).map((name) => name.slice(0, -READY.length));
  const rank = (name: string) => (walNameOf(name)?.kind === 'history' ? 0 : 1);
  return waiting
    .filter((name) => walNameOf(name))
    .toSorted((one, other) => rank(one) - rank(other) || (one < other ? -1 : 1));
}
