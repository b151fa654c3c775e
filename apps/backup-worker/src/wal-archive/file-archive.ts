import { randomUUID } from 'node:crypto';
import { link, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { FileStorageSpec } from '@hozen/contracts';
import { failpoint } from '@hozen/telemetry';
import { makeDirectory, removeDurably, syncDirectory, writeDurably } from '../storage/file/durable.js';
import { isMissing, onStorage } from '../storage/storage-error.js';
import type { ArchiveStore } from './archive-store.js';

/** What a push that died has left; nobody writes one file for so long. */
const LEFT_AFTER_MS = 3_600_000;
const PARTIAL = '.partial';

/** WAL in a folder. */
export class FileArchive implements ArchiveStore {
  constructor(private readonly spec: FileStorageSpec) {}

  pathOf(key: string): string {
    return join(this.spec.path, key);
  }

  create(key: string, content: Buffer): Promise<boolean> {
    return this.#put(key, content, linked);
  }

  async replace(key: string, content: Buffer): Promise<void> {
    await this.#put(key, content, async (hidden, path) => {
      await rename(hidden, path);
      return true;
    });
  }

  read(key: string): Promise<Buffer | undefined> {
    const path = this.pathOf(key);
    return onStorage(path, () => orMissing(() => readFile(path)));
  }

  async *list(start: string, after = ''): AsyncGenerator<string> {
    const { path } = this.spec;
    const folders = (await onStorage(path, () => orMissing(() => readdir(path, { withFileTypes: true })))) ?? [];
    for (const entry of folders.toSorted((one, other) => (one.name < other.name ? -1 : 1))) {
      if (!entry.isDirectory()) {
        if (entry.name.startsWith(start) && entry.name > after) yield entry.name;
        continue;
      }
      const prefix = `${entry.name}/`;
      // Nothing in the folder can come after, or begin so.
      if (`${prefix}\u{10ffff}` <= after || !(prefix.startsWith(start) || start.startsWith(prefix))) continue;
      const names = await onStorage(path, () => orMissing(() => readdir(join(path, entry.name))));
      const keys = (names ?? []).filter((name) => !name.startsWith('.')).map((name) => prefix + name);
      for (const key of keys.toSorted()) if (key.startsWith(start) && key > after) yield key;
    }
  }

  remove(key: string): Promise<void> {
    return onStorage(this.pathOf(key), () => removeDurably(this.pathOf(key)));
  }

  #put(key: string, content: Buffer, show: (hidden: string, path: string) => Promise<boolean>): Promise<boolean> {
    const path = this.pathOf(key);
    return onStorage(path, async () => {
      const directory = dirname(path);
      await makeDirectory(directory);
      const hidden = join(directory, `.${basename(path)}.${randomUUID()}${PARTIAL}`);
      try {
        await writeDurably(hidden, content);
        await failpoint('archive.written');
        const shown = await show(hidden, path);
        await failpoint('archive.linked');
        // Also where another push was faster, or one of ours died before this: only now may the server forget the file.
        await syncDirectory(directory);
        return shown;
      } finally {
        await rm(hidden, { force: true });
        await removeLeftovers(directory);
      }
    });
  }
}

async function linked(hidden: string, path: string): Promise<boolean> {
  try {
    await link(hidden, path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

async function removeLeftovers(directory: string): Promise<void> {
  const names = (await readdir(directory).catch(() => [])).filter((name) => name.endsWith(PARTIAL));
  for (const name of names) {
    const path = join(directory, name);
    const facts = await stat(path).catch(() => undefined);
    if (facts && Date.now() - facts.mtimeMs > LEFT_AFTER_MS) await rm(path, { force: true });
  }
}

async function orMissing<T>(work: () => Promise<T>): Promise<T | undefined> {
  try {
    return await work();
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}
