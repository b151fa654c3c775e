import { randomUUID } from 'node:crypto';
import { appendFileSync, copyFileSync, renameSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { tempDir, type TempDir } from '@hozen/testkit';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { SameFiles } from './same-files.js';

let folder: TempDir;
let path: string;
beforeEach(async () => {
  folder = await tempDir();
  path = folder.join('file');
  writeFileSync(path, Buffer.alloc(1024 * 1024, 1));
});
afterEach(() => folder[Symbol.asyncDispose]());

const stats = () => statSync(path, { bigint: true });
const later = () => Date.now() + 60_000;

/** @returns the run of a copy that has read the file */
function copied(now = later()): string {
  const [run, copy] = [randomUUID(), new SameFiles(undefined)];
  expect(copy.isSame('file', stats(), now)).toBe(false);
  copy.remember(run);
  return run;
}

it('knows a file again that is as an earlier copy read it, and in later copies too', () => {
  const [run, copy] = [copied(), randomUUID()];
  const same = new SameFiles(run);
  expect(same.isSame('file', stats(), later())).toBe(true);
  same.remember(copy);
  expect(new SameFiles(copy).isSame('file', stats(), later())).toBe(true);
  expect(new SameFiles(run).isSame('another', stats(), later())).toBe(false);
  expect(new SameFiles(randomUUID()).isSame('file', stats(), later())).toBe(false);
});

it('does not know one that was written to and given its old times', () => {
  const [run, { atime, mtime }] = [copied(), stats()];
  appendFileSync(path, '');
  utimesSync(path, atime, mtime);
  expect(new SameFiles(run).isSame('file', stats(), later())).toBe(false);
});

it('does not know one that another took the place of', () => {
  const [run, { atime, mtime }] = [copied(), stats()];
  copyFileSync(path, `${path}.new`);
  utimesSync(`${path}.new`, atime, mtime);
  renameSync(`${path}.new`, path);
  expect(new SameFiles(run).isSame('file', stats(), later())).toBe(false);
});

it('does not trust what was written just before it was read: it may be written once more and look the same', () => {
  const run = copied(Date.now());
  expect(new SameFiles(run).isSame('file', stats(), later())).toBe(false);
});

/** @returns the run of a copy that has read many files, and files that are known after it */
function copiedMany(files: number): { run: string; knows: (name: string) => boolean } {
  const [run, copy] = [randomUUID(), new SameFiles(undefined)];
  for (let file = 1; file <= files; file++) copy.isSame(`file ${file}`, stats(), later());
  copy.remember(run);
  return { run, knows: (name) => new SameFiles(run).isSame(name, stats(), later()) };
}

it('remembers so many small files that large ones have room beside them', () => {
  writeFileSync(path, Buffer.alloc(8192));
  const { knows } = copiedMany(5_001);
  expect(['file 5000', 'file 5001'].map(knows)).toEqual([true, false]);
  writeFileSync(path, Buffer.alloc(1024 * 1024));
  const large = copiedMany(10_001);
  expect(['file 10000', 'file 10001'].map(large.knows)).toEqual([true, false]);
});

it('forgets the oldest copies when it remembers too many files', () => {
  const copies = Array.from({ length: 5 }, () => copiedMany(10_000));
  expect(copies.map(({ knows }) => knows('file 1'))).toEqual([false, true, true, true, true]);
});
