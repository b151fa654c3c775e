import { spawn } from 'node:child_process';
import { readFile, rename, rm, writeFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import type { WalOptions } from './options.js';
import type { Spool } from './spool.js';

// Loaded before anything else, and at every file of WAL: nothing but Node's own modules here.

const LOOK_EVERY_MS = 10;
/** Longer than this nobody waits for another process, which may be another one with its number. */
const COMES_WITHIN_MS = 30_000;

/** A process that fetches ahead, and what it still has to fetch. */
export interface Fetching {
  pid: number;
  names: string[];
}

/** A file from the spool, waiting for it where it is being fetched. @returns undefined where it was not fetched ahead */
export async function takeFetchedAhead(spool: Spool, name: string): Promise<Buffer | undefined> {
  const deadline = performance.now() + COMES_WITHIN_MS;
  for (;;) {
    const isComing = performance.now() < deadline && ((await fetcherAt(spool))?.names.includes(name) ?? false);
    const content = await spool.takeFetched(name);
    if (content || !isComing) return content;
    await delay(LOOK_EVERY_MS);
  }
}

/** Puts a file where the server wants it, whole or not at all. The server syncs what it keeps. */
export async function place(content: Buffer, destination: string): Promise<void> {
  const hidden = `${destination}.hozen`;
  try {
    await writeFile(hidden, content, { mode: 0o600 });
    await rename(hidden, destination);
  } catch (error) {
    await rm(hidden, { force: true });
    throw error;
  }
}

/**
 * Has the files after one fetched by a process that outlives this one, where the spool is less than half full and nobody
 * fills it: the server waits for the file, not for those after it.
 */
export async function refill(spool: Spool, name: string, options: WalOptions): Promise<void> {
  if (!/^[0-9A-F]{24}$/.test(name) || (await spool.namesFetched()).length >= options.ahead / 2) return;
  if (await fetcherAt(spool)) return;
  const { file, config, jobs, ahead } = options;
  const settings = ['--file', file, '--jobs', String(jobs), '--ahead', String(ahead), '--spool', options.spool ?? ''];
  if (config !== undefined) settings.push('--config', config);
  const program = [...process.execArgv, process.argv[1] ?? '', 'wal', 'fetch-ahead', ...settings, '--', name];
  spawn(process.execPath, program, { detached: true, stdio: 'ignore' }).unref();
}

/** @returns undefined where none is at work */
async function fetcherAt(spool: Spool): Promise<Fetching | undefined> {
  try {
    const fetching = JSON.parse(await readFile(spool.fetcher, 'utf8')) as Fetching;
    process.kill(fetching.pid, 0);
    return fetching;
  } catch {
    // There is none, it ended, or its words were cut off by a crash.
    return undefined;
  }
}
