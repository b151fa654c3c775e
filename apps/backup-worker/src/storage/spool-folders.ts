import { readdir } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { isMissing } from './storage-error.js';

/**
 * The folder of an attempt, `{run}.{epoch}`, and those that dead attempts of the same run have left beside it. A worker that was
 * there when another one on its machine died is not started anew, which would have removed them.
 */
export async function spoolFolders(spoolDir: string): Promise<string[]> {
  const [root, own] = [dirname(spoolDir), basename(spoolDir)];
  const at = own.lastIndexOf('.') + 1;
  const epoch = Number(own.slice(at));
  const names = await readdir(root).catch((error: unknown) => {
    if (isMissing(error)) return [];
    throw error;
  });
  const earlier = names.filter((name) => name.startsWith(own.slice(0, at)) && Number(name.slice(at)) < epoch);
  return [spoolDir, ...earlier.map((name) => join(root, name))];
}
