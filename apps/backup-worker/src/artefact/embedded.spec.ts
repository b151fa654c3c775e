import { describe, expect, it } from 'vitest';
import { asComments, fromComments } from './embedded.js';
import { framingOf } from './framing.js';

const BYTES = Buffer.from(Array.from({ length: 10_000 }, (_, n) => (n * 7919) % 256));

async function read(text: Buffer, piece: number): Promise<Buffer> {
  async function* pieces() {
    for (let at = 0; at < text.length; at += piece) yield Promise.resolve(text.subarray(at, at + piece));
  }
  const read: Buffer[] = [];
  for await (const bytes of fromComments(pieces())) read.push(bytes);
  return Buffer.concat(read);
}

describe('bytes in comments of SQL', () => {
  it('come back as they were, however they were written and whatever pieces they come in', async () => {
    const text = Buffer.concat(
      [1, 2, 3, 3072, 3073, 3849].map((end, n, ends) => asComments(BYTES.subarray(ends[n - 1] ?? 0, end))),
    );
    for (const piece of [1, 7, 4096, text.length]) {
      expect(await read(text, piece)).toEqual(BYTES.subarray(0, 3849));
    }
  });

  it('are comments in every line', () => {
    expect(asComments(BYTES).toString('latin1').split('\n').slice(0, -1)).toEqual(
      expect.arrayContaining([expect.stringMatching(/^-- [A-Za-z0-9+/=]+$/)]),
    );
    expect(asComments(BYTES).toString('latin1')).toMatch(/^(?:-- [A-Za-z0-9+/]+=*\n)+$/);
  });

  it.each([
    ['a statement among them', (text: string) => text.replace('\n', '\nDROP DATABASE shop;\n')],
    ['a cut line', (text: string) => text.slice(0, -5)],
    ['a command of psql', (text: string) => text.replace('\n-- ', '\n-- \\! ')],
  ])('are refused with %s', async (_what, change) => {
    const text = change(asComments(BYTES).toString('latin1'));
    await expect(read(Buffer.from(text, 'latin1'), 4096)).rejects.toBeInstanceOf(RangeError);
  });
});

describe('the index of a file of SQL', () => {
  const framing = framingOf(true);
  const index = { version: 1 as const, streams: [{ name: '注文\n";', bytes: 0, parts: [] }], databases: [] };

  it('is one line of ASCII, and one that ends the file', () => {
    const raw = framing.index(index, new Date(0));
    expect(raw.toString('latin1')).toMatch(/^-- hozen-index [ -~]+\n-- The backup ends here\n$/);
    expect(JSON.parse(framing.readIndex(raw))).toEqual(index);
  });

  it('is no index where it does not begin or end so', () => {
    const raw = framing.index(index, new Date(0));
    for (const damaged of [raw.subarray(1), raw.subarray(0, -1), Buffer.alloc(0)]) {
      expect(() => framing.readIndex(damaged)).toThrow(RangeError);
    }
  });
});
