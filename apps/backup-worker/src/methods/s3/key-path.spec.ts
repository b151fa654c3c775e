import { randomBytes, randomInt } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { isInside } from '../files/listing.js';
import { KeyPlaces } from './key-path.js';

const bytes = (text: string) => Buffer.from(text).toString('latin1');
const byBytes = (one: string, other: string) => (one < other ? -1 : 1);

function placed(keys: string[]): Map<string, string> {
  const places = new KeyPlaces();
  return new Map(
    keys
      .map(bytes)
      .toSorted(byBytes)
      .map((key) => [key, places.next(key).path]),
  );
}

describe('the path of an object', () => {
  it.each([
    ['documents/2026/契約.pdf', './documents/2026/契約.pdf'],
    ['../../etc/passwd', './%2E%2E/%2E%2E/etc/passwd'],
    ['/etc/passwd', './%/etc/passwd'],
    ['a//b', './a/%/b'],
    ['folder/', './folder/%'],
    ['./.', './%2E/%2E'],
    ['a\nb\0', './a%0Ab%00'],
    ['100%', './100%25'],
    ['.../..a', './.../..a'],
    ['-rf', './-rf'],
  ])('of %j is %j', (key, path) => {
    expect([...placed([key]).values()]).toEqual([bytes(path)]);
  });

  it('differs where a name is that of an object and of a folder', () => {
    const keys = ['a', 'a-b', 'a/b', 'a/b/c', 'a/', 'a//', 'a///x'];
    const paths = [...placed(keys).values()];
    expect(paths).toEqual(['./a', './a-b', './a%/%', './a%/%%/%', './a%/%%/%%/x', './a%/b', './a%/b%/c']);
  });

  it('has names of a length that file systems take', () => {
    const long = '長'.repeat(341);
    const keys = [long, `${long}/x`, `${'.'.repeat(1_000)}/y`, '\x01'.repeat(1_024)];
    for (const path of placed(keys).values()) {
      expect(isInside(path)).toBe(true);
      expect(Math.max(...path.split('/').map((name) => name.length))).toBeLessThan(256);
      expect(path.length).toBeLessThan(3_200);
    }
  });

  it('stays inside, is one path for one key, and never that of a folder, whatever the keys are', () => {
    const letters = ['a', 'b', '/', '/', '.', '.', '%', '~', '\n', '\x7f', 'é', '2E', 'x'.repeat(120)];
    for (let round = 0; round < 300; round++) {
      const keys = Array.from({ length: 60 }, () =>
        Array.from({ length: randomInt(1, 9) }, () => letters[randomInt(letters.length)] ?? '').join(''),
      );
      keys.push(randomBytes(20).toString('latin1'));
      const unique = [...new Set(keys.map(bytes))].toSorted(byBytes);
      const places = new KeyPlaces();
      const found = unique.map((key) => places.next(key));
      const paths = new Set(found.map(({ path }) => path));
      const folders = new Set(found.flatMap((place) => place.folders));
      expect(paths.size).toBe(unique.length);
      for (const path of [...paths, ...folders]) expect(isInside(path)).toBe(true);
      for (const folder of folders) expect(paths.has(folder)).toBe(false);
      for (const place of found) expect(place.path.startsWith(`${place.folders.at(-1) ?? '.'}/`)).toBe(true);
    }
  });
});
