/** A path or another text that need not be text, as its bytes: one character each (latin1). Compared, it sorts by bytes. */
export type ByteText = string;

const ASCII = /^[\0-\x7f]*$/;
const DECODER = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
/** A byte that is no part of UTF-8 becomes this and its value: Python's surrogateescape (PEP 383). */
const ESCAPE = 0xdc00;

export function toBytes(text: ByteText): Buffer {
  return Buffer.from(text, 'latin1');
}

/** @param path `.` or `./a/b`, as an archive and a listing have it */
export function fullPath(root: string, path: ByteText): Buffer {
  return Buffer.concat([Buffer.from(root === '/' ? '' : root), toBytes(path === '.' ? '/' : path.slice(1))]);
}

/** As text from which {@link fromText} makes the same bytes. JSON.stringify writes what is not UTF-8 as `\udc80` to `\udcff`. */
export function toText(bytes: ByteText): string {
  if (ASCII.test(bytes)) return bytes;
  const buffer = toBytes(bytes);
  return decoded(buffer) ?? decodedPiecewise(buffer);
}

export function fromText(text: string): ByteText {
  if (ASCII.test(text)) return text;
  return text
    .split(/([\udc80-\udcff])/u)
    .map((piece, index) =>
      index % 2 === 1
        ? String.fromCharCode(piece.charCodeAt(0) - ESCAPE)
        : Buffer.from(piece, 'utf8').toString('latin1'),
    )
    .join('');
}

function decoded(bytes: Buffer): string | undefined {
  try {
    return DECODER.decode(bytes);
  } catch {
    return undefined;
  }
}

function decodedPiecewise(bytes: Buffer): string {
  let text = '';
  for (let at = 0; at < bytes.length;) {
    const lead = bytes[at] ?? 0;
    const length = lead < 0xc0 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
    const piece = decoded(bytes.subarray(at, at + length));
    text += piece ?? String.fromCharCode(ESCAPE + lead);
    at += piece === undefined ? 1 : length;
  }
  return text;
}
