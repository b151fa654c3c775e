import { randomUUID } from 'node:crypto';
import { readdir, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { RepositorySpec } from '@hozen/contracts';
import { makeFolders } from '@hozen/dbms';
import { isMissing, onStorage } from '../../storage/storage-error.js';
import type { Git } from './git.js';

/**
 * Makes a bare repository where there is none yet; whole, or not at all.
 * @throws HozenError of the STORAGE_ codes
 */
export async function ensureRepository(git: Git, { url, branch }: RepositorySpec): Promise<void> {
  await onStorage(url, async () => {
    if (!(await isFree(url))) return;
    await makeFolders(dirname(url), 0o755);
    const beside = `${url.replace(/\/+$/, '')}.${randomUUID()}.new`;
    try {
      await initialize(git, beside, branch);
      await rename(beside, url);
    } catch (error) {
      // Somebody else was faster.
      if (await isFree(url)) throw error;
    } finally {
      await rm(beside, { recursive: true, force: true });
    }
  });
}

/** @param branch what HEAD names, whether it exists or not */
export async function initialize(git: Git, folder: string, branch: string): Promise<void> {
  await git.run(['init', '--quiet', '--bare', '--template=', `--initial-branch=${branch}`, '--', folder]);
}

async function isFree(folder: string): Promise<boolean> {
  try {
    return (await readdir(folder)).length === 0;
  } catch (error) {
    if (isMissing(error)) return true;
    throw error;
  }
}
