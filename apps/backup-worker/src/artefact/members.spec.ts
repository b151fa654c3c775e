import { randomBytes } from 'node:crypto';
import { gunzipSync, gzipSync, zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import type { Compression } from '@hozen/contracts';
import { describe, expect, it } from 'vitest';
import { packMember, unpackMember } from './members.js';
import { loadLibrary } from './native-libraries.js';

const MIB = 1024 * 1024;
const CONTENTS: readonly (readonly [string, Buffer])[] = [
  ['nothing', Buffer.alloc(0)],
  ['one byte', Buffer.from('x')],
  ['zeros', Buffer.alloc(3 * MIB)],
  ['text', Buffer.from('保全 backs up, proves, restores. '.repeat(50_000))],
  ['what cannot be compressed', randomBytes(2 * MIB)],
];

async function packed(raw: Buffer, compression: Compression, level: number): Promise<Buffer> {
  const member = await packMember(raw, compression, level);
  const bytes = Buffer.from(member.bytes);
  member.free();
  return bytes;
}

describe.each([
  { compression: 'gzip' as const, other: gunzipSync, back: gzipSync },
  { compression: 'zstd' as const, other: zstdDecompressSync, back: zstdCompressSync },
])('a $compression member', ({ compression, other, back }) => {
  it.each([1, 2, 3, 6])('of level %i is read by another implementation, and by ours', async (level) => {
    for (const [what, raw] of CONTENTS) {
      const stored = await packed(raw, compression, level);
      expect(other(stored).equals(raw), what).toBe(true);
      const into = Buffer.alloc(raw.length);
      await unpackMember(stored, compression, into);
      expect(into.equals(raw), what).toBe(true);
    }
  });

  it('of another implementation is read by ours', async () => {
    for (const [what, raw] of CONTENTS) {
      const into = Buffer.alloc(raw.length);
      await unpackMember(back(raw), compression, into);
      expect(into.equals(raw), what).toBe(true);
    }
  });

  it('is the same whatever the memory held before', async () => {
    const raw = Buffer.from('row\n'.repeat(300_000));
    const first = await packed(raw, compression, 1);
    await Promise.all(CONTENTS.map(([, content]) => packed(content, compression, 1)));
    expect((await packed(raw, compression, 1)).equals(first)).toBe(true);
  });

  it.each([
    ['is cut off', (stored: Buffer) => stored.subarray(0, stored.length - 5), 0],
    ['has a flipped bit', (stored: Buffer) => flipped(stored, stored.length >> 1), 0],
    ['is followed by something', (stored: Buffer) => Buffer.concat([stored, Buffer.from('more')]), 0],
    ['holds more than it should', (stored: Buffer) => stored, -1],
    ['holds less than it should', (stored: Buffer) => stored, 1],
    ['is none', () => Buffer.from('no member at all'), 0],
  ])('is refused when it %s', async (_what, damage, change) => {
    const raw = randomBytes(300_000);
    const stored = damage(await packed(raw, compression, 1));
    const unpacking = unpackMember(stored, compression, Buffer.alloc(raw.length + change));
    await expect(unpacking).rejects.toThrow(RangeError);
  });
});

it('goes without a library that is not installed', async () => {
  expect(await loadLibrary('libhozen-has-no-such.so.9', 'nothing')).toBeUndefined();
});

function flipped(bytes: Buffer, at: number): Buffer {
  const copy = Buffer.from(bytes);
  copy[at] = (copy[at] ?? 0) ^ 1;
  return copy;
}
