import { access, readdir, readFile } from 'node:fs/promises';
import { tempDir, type TempDir } from '@hozen/testkit';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ArtefactWriter } from '../../artefact/artefact-writer.js';
import { crc32cText, ownCrc32c } from '../../artefact/crc32c.js';
import { manifestFor } from '../../artefact/manifest.fixture.js';
import { paddingOf, TAR_BLOCK, writeTarHeader } from '../../artefact/tar.js';
import { PAGE_BYTES, wholePath, writeIncrementalHead } from '../../methods/postgres-physical/incremental-file.js';
import { describe as describeArtefact, type CommittedArtefact } from '../../storage/committed-artefact.js';
import { FileSink } from '../../storage/file/file-sink.js';
import { storageOf } from '../../storage/storage-of.js';
import { restoreFiles } from './restore-files.js';

const FILES = storageOf({ kind: 'file', path: '/' });
const modifiedAt = new Date('2026-01-02T03:04:05Z');
const PATH = 'base/5/1234';
const MANY = 700;

/** A file: whole, a letter a page; or pages of it by their numbers, with its least length. */
type Given = string | { pages: Record<number, string>; length: number };

function page(letter: string): Buffer {
  return Buffer.alloc(PAGE_BYTES, letter);
}

function contentOf(given: Given): Buffer {
  if (typeof given === 'string') return Buffer.concat(given.split('').map(page));
  const pages = Object.keys(given.pages).map(Number);
  const head = writeIncrementalHead({ pages, length: given.length });
  return Buffer.concat([head, ...Object.values(given.pages).map(page)]);
}

describe('a chain of copies', () => {
  let folder: TempDir;
  beforeEach(async () => {
    folder = await tempDir();
  });
  afterEach(() => folder[Symbol.asyncDispose]());

  let made = 0;
  /** @param files by their names in the archive; several may have one name @param change of the archive */
  async function copy(
    files: [name: string, Given][],
    change = (archive: Buffer) => archive,
  ): Promise<CommittedArtefact> {
    const path = folder.join(`${made++}.tar.zst`);
    const options = { compression: 'zstd', level: 1, streams: 2, modifiedAt } as const;
    const writer = new ArtefactWriter(await FileSink.create(path), options);
    const archive = files.flatMap(([name, given]) => {
      const [header, content] = [Buffer.alloc(TAR_BLOCK), contentOf(given)];
      writeTarHeader(header, { name, size: content.length, mode: 0o600, modifiedAt });
      return [header, content, Buffer.alloc(paddingOf(content.length))];
    });
    const stream = writer.openStream('base.tar');
    await stream.write(change(Buffer.concat([...archive, Buffer.alloc(2 * TAR_BLOCK)])));
    await writer.endStream(stream);
    const list = files.map(([name]) => ({ Path: wholePath(name), Size: 0 }));
    await writer.addFile('backup_manifest', JSON.stringify({ Files: list }));
    return describeArtefact(`${path}.manifest.json`, manifestFor(path, await writer.finish([]), 'zstd'), FILES);
  }

  async function restore(
    chain: CommittedArtefact[],
    signal = new AbortController().signal,
    progress = () => undefined,
  ) {
    return restoreFiles({ chain, directory: folder.join('data'), readNext: false, signal, progress });
  }

  const pages = (numbers: Record<number, string>, length: number): [string, Given] => [
    'base/5/INCREMENTAL.1234',
    { pages: numbers, length },
  ];

  /** Restores one file, full copy first, and shows a letter for each page of it. */
  async function restored(...chain: [string, Given][]): Promise<string> {
    const { written } = await restore(await Promise.all(chain.map((file) => copy([file]))));
    const bytes = await readFile(folder.join('data', PATH));
    expect(written.get(PATH)).toEqual({ bytes: bytes.length, crc32c: ownCrc32c(bytes, 0) });
    expect(crc32cText(ownCrc32c(bytes, 0))).toMatch(/^[0-9a-f]{8}$/);
    const found = [...Array(bytes.length / PAGE_BYTES).keys()].map((n) => {
      const each = bytes.subarray(n * PAGE_BYTES, (n + 1) * PAGE_BYTES);
      const letter = each.toString('latin1', 0, 1);
      return each.equals(page(letter)) ? letter.replace('\0', '.') : '!';
    });
    return found.join('');
  }

  it.each<[string, [string, Given][], string]>([
    ['no page changed', [[PATH, 'abc'], pages({}, 3)], 'abc'],
    ['some did', [[PATH, 'abc'], pages({ 1: 'x' }, 3)], 'axc'],
    ['the newest of a page counts', [[PATH, 'abc'], pages({ 0: 'x', 1: 'x' }, 3), pages({ 1: 'y' }, 3)], 'xyc'],
    ['it has grown', [[PATH, 'a'], pages({ 1: 'x', 2: 'y' }, 1), pages({ 3: 'z' }, 3)], 'axyz'],
    ['it was empty', [[PATH, ''], pages({ 0: 'x' }, 0)], 'x'],
    ['it was cut', [[PATH, 'abc'], pages({}, 2)], 'ab'],
    ['it was emptied', [[PATH, 'abc'], pages({}, 0)], ''],
    ['it was cut, and has grown', [[PATH, 'abcd'], pages({}, 1), pages({ 1: 'x', 2: 'y' }, 1)], 'axy'],
    [
      'what was cut off does not come back',
      [[PATH, 'abcd'], pages({ 3: 'x' }, 4), pages({}, 2), pages({ 2: 'y' }, 4)],
      'aby.',
    ],
    ['it came whole in between', [[PATH, 'abc'], pages({ 0: 'x' }, 3), [PATH, 'ABCD'], pages({ 3: 'y' }, 4)], 'ABCy'],
    ['it came whole last', [[PATH, 'abc'], pages({ 0: 'x' }, 3), [PATH, 'AB']], 'AB'],
  ])('brings a file: %s', async (_, chain, expected) => {
    expect(await restored(...chain)).toBe(expected);
  });

  it('brings a large file with pages of several copies, however they lie', async () => {
    const every = (step: number, letter: string) =>
      pages(Object.fromEntries([...Array(MANY).keys()].filter((n) => n % step === 0).map((n) => [n, letter])), MANY);
    const expected = Array.from({ length: MANY }, (_, n) =>
      n % 5 === 0 ? 'z' : n % 3 === 0 ? 'y' : n % 2 === 0 ? 'x' : 'a',
    );
    const chain = [[PATH, 'a'.repeat(MANY)], every(2, 'x'), every(3, 'y'), every(5, 'z')] as [string, Given][];
    expect(await restored(...chain)).toBe(expected.join(''));
  });

  it('brings more pages than are kept in memory, and leaves nothing of them behind', async () => {
    const count = 3000;
    const all = Object.fromEntries([...Array(count).keys()].map((n) => [n, 'abcdefg'[n % 7] ?? '']));
    expect(await restored([PATH, 'z'.repeat(count)], pages(all, count))).toBe(Object.values(all).join(''));
    expect(await readdir(folder.join('data/base'))).toEqual(['5']);
  });

  it('brings nothing that the last copy does not have', async () => {
    const full = await copy([
      ['base/5/1', 'a'],
      ['base/6/2', 'b'],
      ['pg_wal/1', 'c'],
    ]);
    await restore([
      full,
      await copy([
        ['base/5/INCREMENTAL.1', { pages: {}, length: 1 }],
        ['pg_wal/2', 'd'],
      ]),
    ]);
    expect((await readdir(folder.join('data'), { recursive: true })).toSorted()).toEqual([
      'base',
      'base/5',
      'base/5/1',
      'pg_wal',
      'pg_wal/2',
    ]);
  });

  it('does not even open older copies than are needed', async () => {
    const [gone, whole] = [await copy([[PATH, 'a']]), await copy([[PATH, 'b']])];
    await restore([{ ...gone, path: folder.join('nowhere') }, whole]);
    expect((await readFile(folder.join('data', PATH))).equals(page('b'))).toBe(true);
  });

  it.each<[string, string, [string, Given][][]]>([
    ['pages and no file', 'base/5/1234 is missing', [[pages({ 0: 'x' }, 1)]]],
    [
      'pages of a file that was gone in between',
      'base/5/1234 is missing',
      [[[PATH, 'a']], [['base/5/1', 'a']], [pages({ 0: 'x' }, 1)]],
    ],
    [
      'one file twice',
      'base/5/1234 comes twice',
      [
        [
          [PATH, 'a'],
          [PATH, 'b'],
        ],
      ],
    ],
    ['a file, and pages of it', 'base/5/1234 comes twice', [[[PATH, 'a']], [[PATH, 'a'], pages({ 0: 'x' }, 1)]]],
    ['a head of nothing', 'cut off', [[[PATH, 'a']], [['base/5/INCREMENTAL.1234', '']]]],
    ['a head that is none', 'not the beginning', [[[PATH, 'a']], [['base/5/INCREMENTAL.1234', 'x']]]],
    ['pages beyond every file', 'not in order', [[[PATH, 'a']], [pages({ 4_000_000: 'x' }, 1)]]],
    ['a way out', 'a member called ".."', [[[PATH, 'a']], [['INCREMENTAL...', 'x']]]],
  ])('is refused with %s', async (_, message, chain) => {
    const copies = await Promise.all(chain.map((files) => copy(files)));
    await expect(restore(copies)).rejects.toMatchObject({
      code: 'ARTEFACT_CORRUPT',
      message: expect.stringContaining(message) as string,
    });
  });

  it('is refused where pages are cut off', async () => {
    const cut = await copy([pages({ 0: 'x' }, 1)], (archive) => {
      writeTarHeader(archive, { name: 'base/5/INCREMENTAL.1234', size: PAGE_BYTES + 512, mode: 0o600, modifiedAt });
      return Buffer.concat([archive.subarray(0, TAR_BLOCK + PAGE_BYTES + 512), Buffer.alloc(2 * TAR_BLOCK)]);
    });
    await expect(restore([await copy([[PATH, 'a']]), cut])).rejects.toThrow('cut off');
  });

  it('ends in the middle where it is cancelled, and makes up nothing of what is missing', async () => {
    const full = await copy([[PATH, 'a'.repeat(3000)]]);
    const cancel = new AbortController();
    let reports = 0;
    const chain = [full, await copy([pages({ 0: 'x' }, 3000)])];
    const restoring = restore(
      chain,
      cancel.signal,
      () => void (++reports === 3 && cancel.abort(new Error('cancelled'))),
    );
    await expect(restoring).rejects.toThrow('cancelled');
    const { length } = await readFile(folder.join('data', PATH));
    expect(length).toBeGreaterThan(0);
    expect(length).toBeLessThan(3000 * PAGE_BYTES);
    await expect(access(folder.join('data/base/hozen-pages'))).rejects.toThrow('ENOENT');
  });
});
