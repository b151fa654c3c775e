/** Ends the name of a stream that stands in a file of SQL as comments. */
export const EMBEDDED = '.comment';

/** Bytes of a line: a multiple of three, so that no line has padding but the last. */
const LINE = 3 * 1024;

/** Comments of SQL that hold the bytes, in base64. */
export function asComments(bytes: Buffer): Buffer {
  const lines: string[] = [];
  for (let at = 0; at < bytes.length; at += LINE) {
    lines.push(`-- ${bytes.toString('base64', at, Math.min(bytes.length, at + LINE))}\n`);
  }
  return Buffer.from(lines.join(''), 'latin1');
}

/** The bytes that comments hold, whatever pieces they come in. @throws RangeError where they are none */
export async function* fromComments(pieces: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let rest = '';
  for await (const piece of pieces) {
    const lines = (rest + piece.toString('latin1')).split('\n');
    rest = lines.pop() ?? '';
    yield Buffer.concat(lines.map(decoded));
  }
  if (rest !== '') throw new RangeError('a comment does not end');
}

function decoded(line: string): Buffer {
  if (!/^-- [A-Za-z0-9+/]+={0,2}$/.test(line)) throw new RangeError('not a comment of ours');
  return Buffer.from(line.slice(3), 'base64');
}
