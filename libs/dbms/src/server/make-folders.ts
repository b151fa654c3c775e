import { mkdir, stat } from 'node:fs/promises';
import { dirname } from 'node:path';

/** Makes a folder, and those above it, where they are not there. */
export function makeFolders(path: string, mode: number): Promise<void> {
  return makeStepwise(path, (folder) => makeOne(folder, mode));
}

/**
 * Makes a folder by `make`, after those above it where they are missing. Step by step, because Node's own way reports a read-only
 * file system as a missing file, and never comes back where a file system makes no folders, as /proc.
 */
export async function makeStepwise(path: string, make: (folder: string) => Promise<void>): Promise<void> {
  try {
    await make(path);
  } catch (error) {
    const above = dirname(path);
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || above === path) throw error;
    await makeStepwise(above, make);
    // Once, not until it works: a folder above that links to a disk that is not mounted exists and is missing for ever.
    await make(path);
  }
}

async function makeOne(path: string, mode: number): Promise<void> {
  try {
    await mkdir(path, { mode });
  } catch (error) {
    const isThere = (error as NodeJS.ErrnoException).code === 'EEXIST' && (await stat(path)).isDirectory();
    if (!isThere) throw error;
  }
}
