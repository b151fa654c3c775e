import { describe, expect, it } from 'vitest';
import { fromText, toText } from './byte-text.js';

describe('a name as text', () => {
  it.each([
    ['ASCII', Buffer.from('a b\n"\\')],
    ['UTF-8', Buffer.from('倉庫 é 🧾')],
    ['bytes that are no UTF-8', Buffer.from([0x61, 0xff, 0xfe, 0x62, 0xc3])],
    ['a sequence that is cut off before another one', Buffer.from([0xe5, 0x80, 0xe5, 0x80, 0x89])],
    ['an encoded surrogate', Buffer.from([0xed, 0xb2, 0x80])],
    ['a byte order mark', Buffer.from([0xef, 0xbb, 0xbf, 0x61])],
  ])('gives back the same bytes: %s', (_, bytes) => {
    const text = JSON.parse(JSON.stringify(toText(bytes.toString('latin1')))) as string;
    expect(Buffer.from(fromText(text), 'latin1')).toEqual(bytes);
  });

  it('is readable where it is UTF-8', () => {
    expect(toText(Buffer.from('倉庫').toString('latin1'))).toBe('倉庫');
  });
});
