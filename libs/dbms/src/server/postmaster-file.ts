import { readFile, readlink, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { isRunning } from '../processes/is-running.js';

/** The server's own lock and status file, https://www.postgresql.org/docs/current/storage-file-layout.html */
export interface PostmasterFile {
  pid: number;
  /** `starting`, `ready`, `stopping`, `standby` */
  status: string;
}

export async function readPostmasterFile(dataDir: string): Promise<PostmasterFile | undefined> {
  const text = await readFile(join(dataDir, 'postmaster.pid'), 'utf8').catch(() => undefined);
  if (text === undefined) return undefined;
  const lines = text.split('\n');
  return { pid: Number(lines[0]), status: (lines[7] ?? '').trim() };
}

/**
 * Removes the file of a server that is no more, and returns the pid of one that is still there.
 *
 * PostgreSQL does this too, but takes any living process with that number for the server; after a restart of the machine
 * or container that is some other program, and the server would never start again.
 */
export async function clearStalePostmasterFile(dataDir: string): Promise<number | undefined> {
  const file = await readPostmasterFile(dataDir);
  if (file === undefined) return undefined;
  if (await isServerOf(file.pid, dataDir)) return file.pid;
  await rm(join(dataDir, 'postmaster.pid'), { force: true });
  return undefined;
}

/** A server's working directory is its data directory. */
async function isServerOf(pid: number, dataDir: string): Promise<boolean> {
  if (!Number.isInteger(pid) || pid <= 0) return false;
  if (process.platform !== 'linux') return isRunning(pid);
  try {
    return (await readlink(`/proc/${pid}/cwd`)) === dataDir;
  } catch {
    return false;
  }
}
