import { open, readFile, writeFile } from 'node:fs/promises';
import { tempDir, type TempDir } from '@hozen/testkit';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SharedBytes } from '../../artefact/shared-bytes.js';
import { PAGE_BYTES, writeIncrementalHead } from '../../methods/postgres-physical/incremental-file.js';
import { PlacedWriter } from './placed-writer.js';
import { DividedFile } from './restored-file.js';

const page = (letter: string) => Buffer.alloc(PAGE_BYTES, letter);

describe('a file of which changed pages come', () => {
  let folder: TempDir;
  let path: string;
  let changes: number;
  let ended: number[];
  beforeEach(async () => {
    folder = await tempDir();
    path = folder.join('1234');
    await writeFile(path, Buffer.concat([page('a'), page('b'), page('c')]));
    [changes, ended] = [0, []];
  });
  afterEach(() => folder[Symbol.asyncDispose]());

  async function put(
    pages: Record<number, string>,
    length: number,
    known: { before?: number } = { before: 3 * PAGE_BYTES },
  ) {
    const file = new DividedFile(path, {
      ...known,
      change: () => {
        changes++;
        return new PlacedWriter(open(path, 'r+'));
      },
      onEnd: (bytes) => ended.push(bytes / PAGE_BYTES),
    });
    const numbers = Object.keys(pages).map(Number);
    const content = [writeIncrementalHead({ pages: numbers, length }), ...Object.values(pages).map(page)];
    for (const bytes of content) await file.push(bytes, new SharedBytes(bytes));
    await file.end();
    return (await readFile(path, 'latin1')).replaceAll(/(.)\1*/g, '$1');
  }

  it('is not touched where none comes, and it has its length', async () => {
    expect(await put({}, 3)).toBe('abc');
    expect({ changes, ended }).toEqual({ changes: 0, ended: [3] });
  });

  it('has them, and the others', async () => {
    expect(await put({ 1: 'x' }, 3)).toBe('axc');
    expect(await put({ 3: 'y' }, 0)).toBe('axcy');
    expect({ changes, ended }).toEqual({ changes: 2, ended: [3, 4] });
  });

  it('is cut where it became shorter, and where it is not known how long it is', async () => {
    expect(await put({}, 3, {})).toBe('abc');
    expect(await put({}, 2)).toBe('ab');
    expect({ changes, ended }).toEqual({ changes: 2, ended: [3, 2] });
  });
});
