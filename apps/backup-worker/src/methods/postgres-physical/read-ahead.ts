import { open, type FileHandle } from 'node:fs/promises';
import type { Stats } from 'node:fs';
import { isMissing } from '../../storage/storage-error.js';

/** Bytes that are read at a time. */
const PIECE = 1024 * 1024;
/** Files that are opened, and begun to be read, before their turn. */
const AHEAD = 6;

/** A file at its turn. */
export interface OpenedFile<T> {
  of: T;
  /** Bytes when it was opened; so many come, whatever becomes of it. */
  size: number;
  modifiedAt: Date;
  /** Used again when the next is asked for. */
  content(): AsyncGenerator<Buffer>;
}

interface Begun {
  handle: FileHandle;
  stats: Stats;
  /** Memory of this file's, the first of which holds its beginning. */
  buffers: [Buffer, ...Buffer[]];
  firstBytes: number;
}

const spare: Buffer[] = [];

/**
 * Reads files one after the other, and the next ones ahead: most files of a server are small, and each would be waited
 * for. Those that vanished are left out.
 */
export async function* readAhead<T>(files: readonly T[], pathOf: (file: T) => string): AsyncGenerator<OpenedFile<T>> {
  const begun: Promise<Begun | undefined>[] = [];
  let next = 0;
  try {
    for (const file of files) {
      for (; next < files.length && begun.length < AHEAD; next++) {
        const beginning = begin(pathOf(files[next] as T));
        // A failure is looked at when its turn comes.
        beginning.catch(() => undefined);
        begun.push(beginning);
      }
      const opened = await begun.shift();
      if (!opened) continue;
      try {
        const { size, mtime } = opened.stats;
        yield { of: file, size, modifiedAt: mtime, content: () => contentOf(opened) };
      } finally {
        // Waits for what is still being read into them.
        await opened.handle.close();
        spare.push(...opened.buffers);
      }
    }
  } finally {
    for (const each of begun) await each.then((opened) => opened?.handle.close()).catch(() => undefined);
  }
}

async function begin(path: string): Promise<Begun | undefined> {
  const handle = await open(path).catch((error: unknown) => {
    if (isMissing(error)) return undefined;
    throw error;
  });
  if (!handle) return undefined;
  try {
    const stats = await handle.stat();
    const first = spare.pop() ?? Buffer.allocUnsafeSlow(PIECE);
    const { bytesRead } = await handle.read(first, 0, Math.min(PIECE, stats.size), 0);
    return { handle, stats, buffers: [first], firstBytes: bytesRead };
  } catch (error) {
    await handle.close();
    throw error;
  }
}

/** The next piece is read while one is used. What a file lost since it was opened comes as zeros: WAL tells the rest. */
async function* contentOf({ handle, stats, buffers, firstBytes }: Begun): AsyncGenerator<Buffer> {
  const { size } = stats;
  let [current] = buffers;
  let read = firstBytes;
  for (let at = 0; at < size;) {
    if (read === 0) {
      read = Math.min(PIECE, size - at);
      current.fill(0, 0, read);
    }
    const following = at + read;
    if (following >= size) {
      yield current.subarray(0, read);
      return;
    }
    const other = buffers.find((each) => each !== current) ?? spare.pop() ?? Buffer.allocUnsafeSlow(PIECE);
    if (!buffers.includes(other)) buffers.push(other);
    const reading = handle.read(other, 0, Math.min(PIECE, size - following), following);
    reading.catch(() => undefined);
    yield current.subarray(0, read);
    ({ bytesRead: read } = await reading);
    current = other;
    at = following;
  }
}
