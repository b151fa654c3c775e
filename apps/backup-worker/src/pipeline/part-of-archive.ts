import { ByteReader } from './byte-reader.js';
import { FormatError, parseEntry, parseHead, type TocEntry } from './toc.js';

/**
 * An archive of definitions with fewer entries: what pg_dump wrote of them, byte by byte.
 * @param archive one without data, as it passes
 * @throws FormatError where it is no such archive
 */
export async function* partOfArchive(
  archive: AsyncIterable<Buffer>,
  kept: ReadonlySet<number>,
): AsyncGenerator<Buffer> {
  const pieces: Buffer[] = [];
  const cut = new ByteReader(cutOut(kept, (piece) => pieces.push(piece)));
  for await (const chunk of archive) {
    const end = cut.push(chunk);
    if (end !== undefined && end < chunk.length) throw new FormatError('data in an archive of definitions');
    if (pieces.length === 0) continue;
    yield Buffer.concat(pieces);
    pieces.length = 0;
  }
  if (cut.result === undefined) throw new FormatError('cut off within the table of contents');
}

/** Hands over the head, with the number of entries that are kept, and those entries. */
function* cutOut(kept: ReadonlySet<number>, take: (piece: Buffer) => void): Generator<number, true, Buffer> {
  const head = yield* recorded(parseHead());
  const count = head.result.entries;
  // The number of entries is the last thing in the head.
  take(head.bytes.subarray(0, -COUNT_BYTES));
  const number = Buffer.alloc(COUNT_BYTES);
  number.writeUInt32LE(kept.size, 1);
  take(number);
  for (let at = 0; at < count; at++) {
    const { bytes, result } = yield* recorded<TocEntry>(parseEntry(head.result.minor));
    if (kept.has(result.dumpId)) take(bytes);
  }
  return true;
}

const COUNT_BYTES = 5;

/** What a parser was given, beside what it made of it. */
function* recorded<T>(parser: Generator<number, T, Buffer>): Generator<number, { result: T; bytes: Buffer }, Buffer> {
  const given: Buffer[] = [];
  let step = parser.next();
  while (!step.done) {
    const bytes = yield step.value;
    // The memory that it lies in may be used again.
    given.push(Buffer.from(bytes));
    step = parser.next(bytes);
  }
  return { result: step.value, bytes: Buffer.concat(given) };
}
