import { describe, expect, it } from 'vitest';
import { ContentHash } from './content-hash.js';

function hashOf(rows: Buffer[], pieces = [1_000_000]): string {
  const hash = new ContentHash();
  let piece = 0;
  for (const row of rows) {
    const view = new DataView(row.buffer, row.byteOffset, row.byteLength);
    for (let at = 0; at < row.length;) {
      const to = Math.min(row.length, at + (pieces[piece++ % pieces.length] ?? 1));
      hash.update(view, at, to);
      at = to;
    }
    hash.endRow();
  }
  return hash.digest();
}

const rows = Array.from({ length: 200 }, (_, i) => Buffer.from(`${i}\t${'x'.repeat((i * 7) % 40)}\n`));

describe('the hash of a table', () => {
  it('is the same in whatever order the rows come', () => {
    expect(hashOf(rows.toReversed())).toBe(hashOf(rows));
  });

  it('is the same in whatever pieces the bytes come', () => {
    for (const pieces of [[1], [7], [8], [9], [1, 2, 3, 4, 5], [16, 3]])
      expect(hashOf(rows, pieces)).toBe(hashOf(rows));
  });

  it('differs for every single bit that is flipped', () => {
    const good = hashOf(rows);
    for (const [index, row] of rows.entries()) {
      for (let bit = 0; bit < row.length * 8; bit += 13) {
        const flipped = Buffer.from(row);
        flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
        expect(hashOf(rows.with(index, flipped))).not.toBe(good);
      }
    }
  });

  it('differs when a row is missing, doubled, empty, cut or longer by a zero', () => {
    const good = hashOf(rows);
    const last = rows.at(-1) ?? Buffer.alloc(0);
    for (const other of [
      rows.slice(1),
      [...rows, last],
      [...rows, Buffer.alloc(0)],
      rows.with(rows.length - 1, last.subarray(1)),
      rows.with(rows.length - 1, Buffer.concat([last, Buffer.alloc(1)])),
    ]) {
      expect(hashOf(other)).not.toBe(good);
    }
  });

  it('differs when values change places between rows', () => {
    expect(hashOf([Buffer.from('1\ta\n'), Buffer.from('2\tb\n')])).not.toBe(
      hashOf([Buffer.from('1\tb\n'), Buffer.from('2\ta\n')]),
    );
  });

  it('tells apart a hundred thousand short rows', () => {
    const digests = new Set(Array.from({ length: 100_000 }, (_, i) => hashOf([Buffer.from(`${i}\n`)])));
    expect(digests.size).toBe(100_000);
  });
});
