import { randomBytes } from 'node:crypto';
import { readFile, symlink, writeFile } from 'node:fs/promises';
import { tempDir, type TempDir } from '@hozen/testkit';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SharedBytes } from '../../artefact/shared-bytes.js';
import { PAGE_BYTES } from '../../methods/postgres-physical/incremental-file.js';
import { ChangedWriter } from './changed-writer.js';

const PAGES = 300;
const wanted = randomBytes(PAGES * PAGE_BYTES);

describe('a file that is written over another one', () => {
  let folder: TempDir;
  let path: string;
  beforeEach(async () => {
    folder = await tempDir();
    path = folder.join('1234');
  });
  afterEach(() => folder[Symbol.asyncDispose]());

  /** @param step bytes of a piece @returns bytes that were written */
  async function put(step: number): Promise<number> {
    let written = 0;
    const writer = new ChangedWriter(path, (bytes) => (written += bytes));
    for (let at = 0; at < wanted.length; at += step) {
      const piece = wanted.subarray(at, at + step);
      await writer.write(piece, at, new SharedBytes(piece));
    }
    await writer.end(wanted.length);
    expect((await readFile(path)).equals(wanted)).toBe(true);
    return written;
  }

  async function standing(change: (bytes: Buffer) => Buffer): Promise<void> {
    await writeFile(path, change(Buffer.from(wanted)));
  }

  it.each([512 * 1021, 2 * 1024 * 1024, PAGE_BYTES])(
    'is not written where nothing differs, in pieces of %i',
    async (step) => {
      await standing((bytes) => bytes);
      expect(await put(step)).toBe(0);
    },
  );

  it('gets only the pages that are others', async () => {
    await standing((bytes) => {
      for (const page of [0, 7, 8, 299]) bytes.fill('x', page * PAGE_BYTES + 100, page * PAGE_BYTES + 101);
      return bytes;
    });
    expect(await put(2 * 1024 * 1024)).toBe(4 * PAGE_BYTES);
  });

  it('gets what is missing at its end, and loses what is beyond', async () => {
    await standing((bytes) => bytes.subarray(0, 200 * PAGE_BYTES + 17));
    expect(await put(512 * 1021)).toBe(100 * PAGE_BYTES);
    await standing((bytes) => Buffer.concat([bytes, bytes]));
    expect(await put(512 * 1021)).toBe(0);
  });

  it('is made where there is none', async () => {
    expect(await put(700_001)).toBe(wanted.length);
  });

  it('does not follow a link', async () => {
    await writeFile(folder.join('elsewhere'), 'theirs');
    await symlink(folder.join('elsewhere'), path);
    await expect(put(PAGE_BYTES)).rejects.toThrow('ELOOP');
    expect(await readFile(folder.join('elsewhere'), 'utf8')).toBe('theirs');
  });
});
