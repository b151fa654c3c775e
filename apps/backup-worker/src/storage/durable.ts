import { mkdir, open } from 'node:fs/promises';
import { dirname } from 'node:path';

/** Makes the entries of a folder durable: a link or an unlink is not until this. */
export async function syncDirectory(directory: string): Promise<void> {
  const handle = await open(directory, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Writes a small new file and syncs it. */
export async function writeDurably(path: string, content: string): Promise<void> {
  const handle = await open(path, 'wx', 0o600);
  try {
    await handle.writeFile(content);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Creates a private folder and its parents, so that they survive a crash of the machine. */
export async function makeDirectory(directory: string): Promise<void> {
  const first = await mkdir(directory, { recursive: true, mode: 0o700 }).catch((error: unknown) =>
    explain(error, directory),
  );
  if (first === undefined) return;
  for (let made = directory; made.length >= first.length; made = dirname(made)) await syncDirectory(dirname(made));
}

/** Node says ENOENT when it may not create the last folder of a path on a read-only disk; a plain mkdir says why. */
async function explain(error: unknown, directory: string): Promise<never> {
  const { code } = error as NodeJS.ErrnoException;
  if (code === 'ENOENT') await mkdir(directory, { mode: 0o700 });
  throw error;
}
