import { stat } from 'node:fs/promises';
import { findProgram, removeFolder, toolOutput } from '@hozen/dbms';

/** Removes a folder with all that is in it, folders that nobody may write to as well. */
export async function removeTree(folder: string): Promise<void> {
  // Root needs no right.
  if (process.getuid?.() !== 0 && (await isFolder(folder))) await makeWritable(folder);
  await removeFolder(folder);
}

/** Its owner may change what is in each of its folders after this. */
export async function makeWritable(folder: string): Promise<void> {
  const args = [folder, '-type', 'd', '!', '-perm', '-700', '-exec', 'chmod', 'u+rwx', '{}', '+'];
  await toolOutput({ path: findProgram('find') ?? '/usr/bin/find', args });
}

async function isFolder(path: string): Promise<boolean> {
  const facts = await stat(path).catch(() => undefined);
  return facts?.isDirectory() ?? false;
}
