import { createHmac, hkdfSync, timingSafeEqual } from 'node:crypto';

const VERSION = 'age-encryption.org/v1';
/** Columns of a stanza's body; a shorter line ends it. */
const COLUMNS = 64;
/** An artefact has twenty recipients at most; a header that is longer than this is none of ours. */
export const LARGEST_HEADER = 64 * 1024;

/** The file key, wrapped for one recipient. */
export interface Stanza {
  args: string[];
  body: Buffer;
}

export interface AgeHeader {
  stanzas: Stanza[];
  /** What the MAC is over. */
  text: string;
  mac: Buffer;
  /** Bytes of the whole header. */
  length: number;
}

/** The header of an age file (age-encryption.org/v1), with its MAC. */
export function writeHeader(stanzas: readonly Stanza[], fileKey: Buffer): Buffer {
  const lines = stanzas.flatMap(({ args, body }) => [`-> ${args.join(' ')}`, ...bodyLines(body)]);
  const text = [VERSION, ...lines, '---'].join('\n');
  return Buffer.from(`${text} ${base64(macOf(text, fileKey))}\n`);
}

/**
 * @param bytes the beginning of a file
 * @throws RangeError with what is wrong
 */
export function parseHeader(bytes: Buffer): AgeHeader {
  const lines = bytes.toString('latin1', 0, LARGEST_HEADER).split('\n');
  if (lines[0] !== VERSION) throw new RangeError('not an age file');
  const stanzas: Stanza[] = [];
  for (let at = 1; at < lines.length - 1;) {
    const line = lines[at] ?? '';
    if (line.startsWith('--- ')) {
      const text = [...lines.slice(0, at), '---'].join('\n');
      return { stanzas, text, mac: unbase64(line.slice(4)), length: text.length + line.length - 2 };
    }
    if (!line.startsWith('-> ')) throw new RangeError('the header of the age file is damaged');
    const end = lines.findIndex((each, index) => index > at && each.length < COLUMNS);
    if (end < 0) break;
    stanzas.push({ args: line.slice(3).split(' '), body: unbase64(lines.slice(at + 1, end + 1).join('')) });
    at = end + 1;
  }
  throw new RangeError('the header of the age file is cut off');
}

/** @throws RangeError when somebody changed the header */
export function checkMac({ text, mac }: AgeHeader, fileKey: Buffer): void {
  const expected = macOf(text, fileKey);
  if (mac.length !== expected.length || !timingSafeEqual(mac, expected)) {
    throw new RangeError('the header of the age file was changed');
  }
}

/** 32 bytes for one purpose, from a secret. */
export function derive(secret: Uint8Array, salt: Uint8Array, info: string): Buffer {
  return Buffer.from(hkdfSync('sha256', secret, salt, info, 32));
}

/** Base64 as age writes it: without padding. */
export function base64(bytes: Buffer): string {
  return bytes.toString('base64').replace(/=+$/, '');
}

/** @throws RangeError unless the text is what {@link base64} writes */
export function unbase64(text: string): Buffer {
  const bytes = Buffer.from(text, 'base64');
  if (base64(bytes) !== text) throw new RangeError('the header of the age file is damaged');
  return bytes;
}

function macOf(text: string, fileKey: Buffer): Buffer {
  return createHmac('sha256', derive(fileKey, Buffer.alloc(0), 'header'))
    .update(text, 'latin1')
    .digest();
}

function bodyLines(body: Buffer): string[] {
  const text = base64(body);
  const lines = text.match(new RegExp(`.{1,${COLUMNS}}`, 'g')) ?? [];
  return text.length % COLUMNS === 0 ? [...lines, ''] : lines;
}
