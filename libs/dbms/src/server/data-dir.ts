import { chown, mkdir, open, readdir, realpath, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { HozenError } from '@hozen/contracts';
import type { RunAs } from '../processes/guarded.js';
import { initdb } from './initdb.js';
import type { PrivatePostgresOptions } from './options.js';

/**
 * The data directory, made by initdb where there is none. It gets its name only when it is whole: a half-made one, after a
 * kill during initdb, would be taken for a cluster ever after and never start.
 */
export async function prepareDataDir(
  bin: string,
  options: PrivatePostgresOptions,
  runAs: RunAs | undefined,
): Promise<{ dataDir: string; existed: boolean }> {
  // Folders above it that we make ourselves must let the server's user through.
  await mkdir(dirname(options.dataDir), { recursive: true, mode: 0o711 });
  const dataDir = join(await realpath(dirname(options.dataDir)), basename(options.dataDir));
  const entries = await readdir(dataDir).catch(() => []);
  if (entries.length > 0) return { dataDir: await realpath(dataDir), existed: true };

  const unfinished = `${dataDir}.unfinished`;
  await rm(unfinished, { recursive: true, force: true });
  await mkdir(unfinished, { mode: 0o700 });
  try {
    if (runAs !== undefined) await chown(unfinished, runAs.uid, runAs.gid);
    await initdb(bin, { ...options, dataDir: unfinished }, runAs);
    await rename(unfinished, dataDir);
    if (!options.scratch) await syncFolder(dirname(dataDir));
    return { dataDir, existed: false };
  } catch (cause) {
    await rm(unfinished, { recursive: true, force: true });
    const detail = cause instanceof HozenError ? cause.detail : String(cause);
    throw new HozenError('SERVER_START_FAILED', { server: 'PostgreSQL' }, { ...(detail ? { detail } : {}), cause });
  }
}

async function syncFolder(path: string): Promise<void> {
  const folder = await open(path);
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
