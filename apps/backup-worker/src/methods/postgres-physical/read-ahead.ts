import { open, type FileHandle } from 'node:fs/promises';
import type { Stats } from 'node:fs';
import { isMissing } from '../../storage/storage-error.js';

/** Bytes that are read at a time. */
const PIECE = 1024 * 1024;
/** Of one file, used and being read. */
const PIECES = 4;
/** Files that are opened, and begun to be read, before their turn. */
const AHEAD = 6;

/** A file at its turn. */
export interface OpenedFile<T> {
  of: T;
  /** Bytes when it was opened; so many come, whatever becomes of it. */
  size: number;
  modifiedAt: Date;
  /** From the beginning. What it yields is used again when the next is asked for. */
  content(): AsyncGenerator<Buffer>;
  /** Fills a buffer from anywhere; with zeros beyond the end. */
  readAt(buffer: Buffer, at: number): Promise<void>;
}

interface Begun {
  handle: FileHandle;
  stats: Stats;
  /** Memory of this file's, the first of which holds its beginning. */
  buffers: [Buffer, ...(Buffer | undefined)[]];
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
        yield {
          of: file,
          size: opened.stats.size,
          modifiedAt: opened.stats.mtime,
          content: () => contentOf(opened),
          readAt: (buffer, at) => readAt(opened, buffer, at),
        };
      } finally {
        // Waits for what is still being read into them.
        await opened.handle.close();
        spare.push(...opened.buffers.filter((each) => each !== undefined));
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

/** The next pieces are read while one is used. What a file lost since it was opened comes as zeros: WAL tells the rest. */
async function* contentOf(file: Begun): AsyncGenerator<Buffer> {
  const { size } = file.stats;
  const reading: Promise<Buffer>[] = [];
  let next = 0;
  while (next < size || reading.length > 0) {
    for (; next < size && reading.length < PIECES; next += PIECE) {
      const read = readPiece(file, next);
      // A failure is looked at when its turn comes.
      read.catch(() => undefined);
      reading.push(read);
    }
    const [current] = reading;
    if (current) yield await current;
    void reading.shift();
  }
}

async function readPiece({ handle, stats, buffers, firstBytes }: Begun, at: number): Promise<Buffer> {
  const bytes = Math.min(PIECE, stats.size - at);
  // The one that was read when the file was opened is kept: who wants to begin again can.
  if (at === 0) return buffers[0].fill(0, firstBytes, bytes).subarray(0, bytes);
  const buffer = (buffers[1 + ((at / PIECE) % PIECES)] ??= spare.pop() ?? Buffer.allocUnsafeSlow(PIECE));
  const { bytesRead } = await handle.read(buffer, 0, bytes, at);
  return buffer.fill(0, bytesRead, bytes).subarray(0, bytes);
}

async function readAt({ handle }: Begun, buffer: Buffer, at: number): Promise<void> {
  const { bytesRead } = await handle.read(buffer, 0, buffer.length, at);
  buffer.fill(0, bytesRead);
}
