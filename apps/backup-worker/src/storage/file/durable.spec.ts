import { existsSync, mkdtempSync, rmSync, statSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { makeDirectory } from './durable.js';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'hozen-durable-'));
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});

describe('making a folder', () => {
  it('makes its parents too, for their owner only', async () => {
    await makeDirectory(join(folder, 'a/b/c'));
    for (const made of ['a', 'a/b', 'a/b/c']) expect(statSync(join(folder, made)).mode & 0o777).toBe(0o700);
  });

  it('takes a folder that is there', async () => {
    await makeDirectory(join(folder, 'a'));
    await makeDirectory(join(folder, 'a'));
    expect(existsSync(join(folder, 'a'))).toBe(true);
  });

  it('ends where the storage is a link to a disk that is not mounted', async () => {
    symlinkSync(join(folder, 'not-mounted/backups'), join(folder, 'storage'));
    await expect(makeDirectory(join(folder, 'storage/manual'))).rejects.toMatchObject({ code: 'ENOENT' });
  });

  it('ends where a file system takes no folders', async () => {
    await expect(makeDirectory('/proc/nowhere/manual')).rejects.toMatchObject({ code: 'ENOENT' });
  });
});
