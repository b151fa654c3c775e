import { close, closeSync, fstatSync, open, read, type BigIntStats } from 'node:fs';
import { promisify } from 'node:util';
import { isMissing } from '../../storage/storage-error.js';

/** Bytes that are read at a time. */
const PIECE = 1024 * 1024;
/** Of one file, used and being read. */
const PIECES = 4;
/** Files that are opened, and begun to be read, before their turn. */
const AHEAD = 6;

/** By number: each step of a handle would be one more trip through the thread pool, and most files of a server are small. */
const files = { open: promisify(open), read: promisify(read), close: promisify(close) };

/** A file at its turn. */
export interface OpenedFile<T> {
  of: T;
  /** It was not wanted: nothing of it is read. */
  isLeftOut: boolean;
  /** Bytes when it was opened; so many come, whatever becomes of it. */
  size: number;
  modifiedAt: Date;
  /** Its beginning, {@link PIECE} at most: the file is as long as this, or longer. */
  beginning(): Buffer;
  /** From the beginning. What it yields is used again when the next is asked for. */
  content(): AsyncGenerator<Buffer>;
  /** Fills a buffer from anywhere; with zeros beyond the end. */
  readAt(buffer: Buffer, at: number): Promise<void>;
}

/** @param stats of the file, opened */
export type LeavesOut<T> = (file: T, stats: BigIntStats) => boolean;

interface Begun {
  file: number;
  stats: BigIntStats;
  size: number;
  isLeftOut: boolean;
  /** Memory of this file's, the first of which holds its beginning. */
  buffers: [Buffer, ...(Buffer | undefined)[]];
  firstBytes: number;
}

const spare: Buffer[] = [];

/**
 * Reads files one after the other, and the next ones ahead: most files of a server are small, and each would be waited
 * for. Those that vanished are left out.
 */
export async function* readAhead<T>(
  wanted: readonly T[],
  pathOf: (file: T) => string,
  leavesOut: LeavesOut<T> = () => false,
): AsyncGenerator<OpenedFile<T>> {
  const begun: Promise<Begun | undefined>[] = [];
  let next = 0;
  try {
    for (const file of wanted) {
      for (; next < wanted.length && begun.length < AHEAD; next++) {
        const ahead = wanted[next] as T;
        const beginning = begin(pathOf(ahead), (stats) => leavesOut(ahead, stats));
        // A failure is looked at when its turn comes.
        beginning.catch(() => undefined);
        begun.push(beginning);
      }
      const opened = await begun.shift();
      if (!opened) continue;
      const reading = new Set<Promise<unknown>>();
      try {
        const { stats, size, isLeftOut } = opened;
        yield {
          of: file,
          isLeftOut,
          size,
          modifiedAt: stats.mtime,
          beginning: () => beginningOf(opened),
          content: () => contentOf(opened, reading),
          readAt: (buffer, at) => readAt(opened, buffer, at),
        };
      } finally {
        // What is still being read goes into its memory.
        await Promise.allSettled(reading);
        closeSync(opened.file);
        spare.push(...opened.buffers.filter((each) => each !== undefined));
      }
    }
  } finally {
    for (const each of begun) await each.then((opened) => opened && files.close(opened.file)).catch(() => undefined);
  }
}

async function begin(path: string, leavesOut: (stats: BigIntStats) => boolean): Promise<Begun | undefined> {
  const file = await files.open(path, 'r').catch((error: unknown) => {
    if (isMissing(error)) return undefined;
    throw error;
  });
  if (file === undefined) return undefined;
  try {
    // What was just opened is known: nothing waits for a disk here.
    const stats = fstatSync(file, { bigint: true });
    const size = Number(stats.size);
    const isLeftOut = leavesOut(stats);
    const first = spare.pop() ?? Buffer.allocUnsafeSlow(PIECE);
    if (isLeftOut || size === 0) return { file, stats, size, isLeftOut, buffers: [first], firstBytes: 0 };
    const { bytesRead } = await files.read(file, first, 0, Math.min(PIECE, size), 0);
    return { file, stats, size, isLeftOut, buffers: [first], firstBytes: bytesRead };
  } catch (error) {
    await files.close(file);
    throw error;
  }
}

/** The next pieces are read while one is used. What a file lost since it was opened comes as zeros: WAL tells the rest. */
async function* contentOf(file: Begun, inMemory: Set<Promise<unknown>>): AsyncGenerator<Buffer> {
  const { size } = file;
  const reading: Promise<Buffer>[] = [];
  let next = 0;
  while (next < size || reading.length > 0) {
    for (; next < size && reading.length < PIECES; next += PIECE) {
      const read = readPiece(file, next);
      // A failure is looked at when its turn comes.
      read.catch(() => undefined);
      reading.push(read);
      inMemory.add(read);
    }
    const [current] = reading;
    if (current) yield await current;
    const done = reading.shift();
    if (done) inMemory.delete(done);
  }
}

async function readPiece(begun: Begun, at: number): Promise<Buffer> {
  // The one that was read when the file was opened is kept: who wants to begin again can.
  if (at === 0) return beginningOf(begun);
  const { buffers, size } = begun;
  const buffer = (buffers[1 + ((at / PIECE) % PIECES)] ??= spare.pop() ?? Buffer.allocUnsafeSlow(PIECE));
  const piece = buffer.subarray(0, Math.min(PIECE, size - at));
  await readAt(begun, piece, at);
  return piece;
}

function beginningOf({ buffers, firstBytes, size }: Begun): Buffer {
  const bytes = Math.min(PIECE, size);
  return buffers[0].fill(0, firstBytes, bytes).subarray(0, bytes);
}

async function readAt({ file }: Begun, buffer: Buffer, at: number): Promise<void> {
  const { bytesRead } = await files.read(file, buffer, 0, buffer.length, at);
  buffer.fill(0, bytesRead);
}
