import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { tempDir, type TempDir } from '@hozen/testkit';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Pool } from '../../artefact/pooled.js';
import { ALIGNED_BYTES, alignedBuffers } from '../../storage/file/aligned-buffer.js';
import { DirectWriter, openDirect } from './direct-writer.js';

describe('a file that is written past the page cache', () => {
  let folder: TempDir;
  let path: string;
  beforeEach(async () => {
    folder = await tempDir();
    path = folder.join('1234');
  });
  afterEach(() => folder[Symbol.asyncDispose]());

  async function write(bytes: Buffer, step: number, memory?: Pool<Buffer>): Promise<Buffer> {
    const writer = new DirectWriter(path, openDirect(path), memory);
    for (let at = 0; at < bytes.length; at += step) await writer.write(bytes.subarray(at, at + step));
    await writer.end();
    return readFile(path);
  }

  it.each([
    ['whole blocks', 2 * 1024 * 1024 + 8192, 512 * 1021],
    ['less than a block at its end', 1024 * 1024 + 1234, 300_000],
    ['less than a block', 17, 17],
    ['one piece', 1024 * 1024, 3 * 1024 * 1024],
    ['nothing', 0, 1],
  ])('has what came, however it was cut: %s', async (_, length, step) => {
    const bytes = randomBytes(length);
    expect((await write(bytes, step)).equals(bytes)).toBe(true);
  });

  it('is written like any other where the file system refuses', async () => {
    // Memory that begins anywhere is what disks refuse.
    const odd = new Pool(() => Buffer.allocUnsafeSlow(ALIGNED_BYTES + 4096 + 1).subarray(1, ALIGNED_BYTES + 1));
    const bytes = randomBytes(3 * 1024 * 1024 + 99);
    expect((await write(bytes, 700_001, odd)).equals(bytes)).toBe(true);
  });

  it('says what failed, and gives its memory back', async () => {
    const given: Buffer[] = [];
    const memory = Object.assign(new Pool(() => alignedBuffers.take()), { give: (piece: Buffer) => given.push(piece) });
    const writer = new DirectWriter(path, openDirect(folder.join('missing/1234')), memory);
    void writer.write(Buffer.alloc(2 * 1024 * 1024))?.catch(() => undefined);
    await expect(writer.end()).rejects.toThrow('ENOENT');
    // The opening is what failed: what waited for it fails with it, and is let go of.
    await new Promise(setImmediate);
    expect(given.length).toBe(2);
  });
});
