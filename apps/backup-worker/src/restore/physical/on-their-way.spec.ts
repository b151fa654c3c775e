import { readFile } from 'node:fs/promises';
import { tempDir } from '@hozen/testkit';
import { expect, it } from 'vitest';
import { ownCrc32c } from '../../artefact/crc32c.js';
import { SharedBytes } from '../../artefact/shared-bytes.js';
import { OnTheirWay } from './on-their-way.js';
import { PlacedWriter } from './placed-writer.js';
import { openNew, WholeFile, type FileSum } from './restored-file.js';

it('lets nobody wait while there is room, and everybody until there is', async () => {
  const way = new OnTheirWay(10);
  way.begin(10);
  await way.room();
  way.begin(5);
  const gone: number[] = [];
  const waiting = [1, 2].map((n) => way.room().then(() => gone.push(n)));
  way.begin(1);
  way.end(5);
  await Promise.resolve();
  expect(gone).toEqual([]);
  way.end(1);
  await Promise.all(waiting);
  expect(gone).toEqual([1, 2]);
});

it('holds back who writes many files at once, and all of them come out whole', async () => {
  await using folder = await tempDir();
  const piece = Buffer.alloc(4 * 1024 * 1024, 'x');
  const sums: FileSum[] = [];
  const part = new SharedBytes(piece);
  const files = Array.from(
    { length: 24 },
    (_, n) => new WholeFile(new PlacedWriter(openNew(folder.join(`f${n}`))), ownCrc32c, (sum) => sums.push(sum)),
  );
  const waits = files.map((file) => file.push(piece, part));
  // The first ones go on their way; from 24 MiB on each is told to wait.
  expect(waits.slice(0, 6).every((wait) => wait === undefined)).toBe(true);
  expect(waits.slice(6).every((wait) => wait !== undefined)).toBe(true);
  for (const wait of waits) await wait;
  await Promise.all(files.map((file) => file.end()));
  for (const n of files.keys()) expect((await readFile(folder.join(`f${n}`))).equals(piece)).toBe(true);
  expect(sums).toEqual(files.map(() => ({ bytes: piece.length, crc32c: ownCrc32c(piece, 0) })));
});

it('gives memory back when nobody writes from it any more, and not before', async () => {
  await using folder = await tempDir();
  let freed = 0;
  const part = new SharedBytes(Buffer.alloc(1024, 'x'), () => (freed += 1));
  const files = [1, 2].map(
    (n) => new WholeFile(new PlacedWriter(openNew(folder.join(`f${n}`))), ownCrc32c, () => undefined),
  );
  for (const file of files) await file.push(part.bytes, part);
  part.release();
  expect(freed).toBe(0);
  await Promise.all(files.map((file) => file.end()));
  expect(freed).toBe(1);
});
