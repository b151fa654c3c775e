import type { BigIntStats } from 'node:fs';

/** Files that are remembered of one copy: a few megabytes of memory. */
const MOST_FILES = 10_000;
/** Of them small ones, which are soon read again. */
const MOST_SMALL_FILES = 5_000;
const SMALL = 1024 * 1024;
/** Of all copies together; the oldest copies are forgotten first. */
const MOST_IN_ALL = 40_000;
/** Time stamps have the grain of the file system: within it, a file may be written again and look the same. */
const GRAIN_MS = 10_000;

/** Of one copy: which file each path was. */
type Stamps = Map<string, string>;

const copies = new Map<string, Stamps>();

/**
 * Tells which files are still as an earlier copy read them, so that none of them need be read again: same file, same size,
 * and since then neither written nor touched (ctime, which no program can set).
 *
 * It is remembered in memory only. After a crash of the machine a file system may show an older time than that of the last
 * write; this process, and with it what it remembers, is gone then. Whatever is not remembered is read.
 */
export class SameFiles {
  readonly #stamps: Stamps = new Map();
  readonly #earlier: ReadonlyMap<string, string> | undefined;

  /** @param earlierRun the run that made the earlier copy */
  constructor(earlierRun: string | undefined) {
    this.#earlier = earlierRun === undefined ? undefined : copies.get(earlierRun);
  }

  /**
   * Looks at a file, and remembers it.
   * @param stats from before its content was read
   * @returns whether its content is what the earlier copy has
   */
  isSame(path: string, stats: BigIntStats, now = Date.now()): boolean {
    const stamp = [stats.dev, stats.ino, stats.size, stats.mtimeNs, stats.ctimeNs].join(' ');
    const isSettled = now - Number(stats.ctimeMs) > GRAIN_MS;
    const most = stats.size < SMALL ? MOST_SMALL_FILES : MOST_FILES;
    if (isSettled && this.#stamps.size < most) this.#stamps.set(path, stamp);
    return this.#earlier?.get(path) === stamp;
  }

  /** Later copies may build on this one. @param run that made it */
  remember(run: string): void {
    copies.delete(run);
    copies.set(run, this.#stamps);
    let files = [...copies.values()].reduce((sum, { size }) => sum + size, 0);
    for (const [oldest, { size }] of copies) {
      if (files <= MOST_IN_ALL) break;
      copies.delete(oldest);
      files -= size;
    }
  }
}
