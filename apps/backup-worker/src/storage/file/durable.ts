import { mkdir, open, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { makeStepwise } from '@hozen/dbms';

/** Makes the entries of a folder durable: a link or an unlink is not until this. */
export async function syncDirectory(directory: string): Promise<void> {
  const handle = await open(directory, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Removes a file; what is gone already, with its folder or without, is no error. */
export async function removeDurably(path: string): Promise<void> {
  try {
    await rm(path, { force: true });
    await syncDirectory(dirname(path));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
}

/** Writes a small new file and syncs it. */
export async function writeDurably(path: string, content: string | Buffer): Promise<void> {
  const handle = await open(path, 'wx', 0o600);
  try {
    await handle.writeFile(content);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Creates a private folder and its parents, so that they survive a crash of the machine. */
export function makeDirectory(directory: string): Promise<void> {
  return makeStepwise(directory, makeOne);
}

async function makeOne(directory: string): Promise<void> {
  try {
    await mkdir(directory, { mode: 0o700 });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return;
    throw error;
  }
  await syncDirectory(dirname(directory));
}
