/** Ends the name of a stream that stands in a file of SQL as comments. */
export const EMBEDDED = '.comment';

/** Bytes of a line: a multiple of three, so that no line has padding but the last. */
const LINE = 3 * 1024;

/** Of a whole line, with its end. */
const LINE_TEXT = textOf(LINE);
const LINE_END = 0x0a;

/** Comments of SQL that hold the bytes, in base64. */
export function asComments(bytes: Buffer): Buffer {
  const text = Buffer.allocUnsafe(Math.floor(bytes.length / LINE) * LINE_TEXT + textOf(bytes.length % LINE));
  let done = 0;
  for (let at = 0; at < bytes.length; at += LINE) {
    done += text.write(`-- ${bytes.toString('base64', at, Math.min(bytes.length, at + LINE))}\n`, done, 'latin1');
  }
  return text;
}

function textOf(bytes: number): number {
  return bytes === 0 ? 0 : 3 + Math.ceil(bytes / 3) * 4 + 1;
}

/** The bytes that comments hold, whatever pieces they come in. @throws RangeError where they are none */
export async function* fromComments(pieces: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let rest = '';
  for await (const piece of pieces) {
    // Smaller than their text.
    const bytes = Buffer.allocUnsafe(rest.length + piece.length);
    let [at, done] = [0, 0];
    for (let end = piece.indexOf(LINE_END); end >= 0; end = piece.indexOf(LINE_END, at)) {
      done += decodeInto(bytes, done, rest + piece.toString('latin1', at, end));
      [rest, at] = ['', end + 1];
    }
    rest += piece.toString('latin1', at);
    if (rest.length >= LINE_TEXT) throw new RangeError('not a comment of ours');
    yield bytes.subarray(0, done);
  }
  if (rest !== '') throw new RangeError('a comment does not end');
}

/** @returns how many bytes they were */
function decodeInto(bytes: Buffer, at: number, line: string): number {
  if (!/^-- [A-Za-z0-9+/]+={0,2}$/.test(line)) throw new RangeError('not a comment of ours');
  return bytes.write(line.slice(3), at, 'base64');
}
