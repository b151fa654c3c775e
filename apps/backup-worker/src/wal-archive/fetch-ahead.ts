import { writeFileSync } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Fetching } from './fetched-ahead.js';
import type { Spool } from './spool.js';
import type { WalArchive } from './wal-archive.js';
import { keyOf, walNameOf, type WalName } from './wal-name.js';

export interface FetchOptions {
  jobs: number;
  ahead: number;
}

/** Fetches the files after one that was asked for, until the archive has no more. Errors are for whoever asks for the file. */
export async function fetchAhead(
  archive: WalArchive,
  after: WalName,
  spool: Spool,
  options: FetchOptions,
): Promise<void> {
  const there = await removeOthers(spool, after);
  const names: string[] = [];
  // What follows on the timeline is found by looking: the size of segments need not be known.
  for await (const name of archive.names(after.name.slice(0, 8), keyOf(after))) {
    if (names.length + there.size >= options.ahead) break;
    if (name.kind === 'segment' && !there.has(name.name)) names.push(name.name);
  }
  // At once: several of us would mix their words.
  const say = () => writeFileSync(spool.fetcher, JSON.stringify({ pid: process.pid, names } satisfies Fetching));
  await mkdir(dirname(spool.fetcher), { recursive: true, mode: 0o700 });
  say();
  const waiting = [...names];
  const lane = async () => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      const name = walNameOf(next);
      const content = name && (await archive.get(name).catch(() => undefined));
      if (content) await spool.keepFetched(next, content);
      names.splice(names.indexOf(next), 1);
      say();
    }
  };
  try {
    await Promise.all(Array.from({ length: options.jobs }, lane));
  } finally {
    await rm(spool.fetcher, { force: true });
  }
}

/** What lies before, or on another timeline, is not asked for any more. @returns names of what stays */
async function removeOthers(spool: Spool, after: WalName): Promise<Set<string>> {
  const there = new Set<string>();
  for (const file of await spool.namesFetched()) {
    const name = file.slice(0, file.lastIndexOf('.'));
    if (name > after.name && name.startsWith(after.name.slice(0, 8))) there.add(name);
    else await rm(join(spool.fetched, file), { force: true });
  }
  return there;
}
