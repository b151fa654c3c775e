import { lstatSync, readdirSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { tempDir, type TempDir } from '@hozen/testkit';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { at, NOT_UTF8 } from './tree.fixture.js';
import { walkTree, type Walk } from './walk-tree.js';

let folder: TempDir;
beforeEach(async () => {
  folder = await tempDir();
});
afterEach(() => folder[Symbol.asyncDispose]());

function walk(change: Partial<Walk> = {}): ReturnType<typeof walkTree> {
  return walkTree({
    root: folder.path,
    exclude: [],
    crossFilesystems: false,
    ours: [],
    signal: new AbortController().signal,
    onEntries: () => undefined,
    ...change,
  });
}

async function pathsWithout(...exclude: string[]): Promise<string[]> {
  return (await walk({ exclude })).entries.map(({ path }) => path);
}

/** A folder of /dev that is a file system of its own, such as /dev/shm. */
const mounted = readdirSync('/dev').find((name) => {
  const facts = lstatSync(join('/dev', name));
  return facts.isDirectory() && facts.dev !== lstatSync('/dev').dev;
});

describe('a walk through a tree', () => {
  it.each([
    ['*.log', ['./a', './a/x.log', './a/y']],
    ['**/*.log', ['./a', './a/y']],
    ['a', ['./x.log']],
    ['a/**', ['./a', './x.log']],
    ['#odd', ['./a', './a/x.log', './a/y', './x.log']],
    ['!a', ['./a', './a/x.log', './a/y', './x.log']],
  ])('leaves out what matches %s', async (pattern, left) => {
    await mkdir(folder.join('a'));
    for (const name of ['x.log', 'a/x.log', 'a/y']) await writeFile(folder.join(name), '');
    expect(await pathsWithout(pattern)).toEqual(['.', ...left]);
  });

  it('matches names that are no text, hidden ones, and ones with line feeds', async () => {
    for (const name of [NOT_UTF8, '.hidden', 'a\nb.tmp']) await writeFile(at(folder.path, name), '');
    expect(await pathsWithout('b*', '.h*', '*.tmp')).toEqual(['.']);
  });

  it('sorts by bytes, also where a slash comes after other characters', async () => {
    await mkdir(folder.join('a'));
    for (const name of ['a/b', 'a-b', 'a0', 'é', 'Z']) await writeFile(folder.join(name), '');
    const bytes = (await walk()).entries.map(({ path }) => Buffer.from(path, 'latin1').toString('utf8'));
    expect(bytes).toEqual(['.', './Z', './a', './a-b', './a/b', './a0', './é']);
  });

  it.skipIf(mounted === undefined)(
    'stays on the file system of its folder, unless it is told otherwise (skipped where nothing is mounted below /dev)',
    async () => {
      const own = await walk({ root: '/dev' });
      expect(own.elsewhere).toContain(`./${mounted}`);
      expect(own.entries.map(({ path }) => path)).toContain(`./${mounted}`);
      expect(own.entries.some(({ path }) => path.startsWith(`./${mounted}/`))).toBe(false);
      expect((await walk({ root: '/dev', crossFilesystems: true })).elsewhere).toEqual([]);
    },
  );

  it('ends where it is aborted', async () => {
    await expect(walk({ signal: AbortSignal.abort(new Error('enough')) })).rejects.toThrow('enough');
  });
});
