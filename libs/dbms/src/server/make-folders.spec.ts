import { stat, writeFile } from 'node:fs/promises';
import { tempDir } from '@hozen/testkit';
import { expect, it } from 'vitest';
import { makeFolders } from './make-folders.js';

it('makes a folder with those above it, and leaves one that is there', async () => {
  await using folder = await tempDir();
  const path = folder.join('a/b/c');
  await makeFolders(path, 0o700);
  await makeFolders(path, 0o711);
  expect((await stat(path)).mode & 0o777).toBe(0o700);
});

it('fails where a file is in the way, and where the file system makes none', async () => {
  await using folder = await tempDir();
  await writeFile(folder.join('file'), '');
  await expect(makeFolders(folder.join('file'), 0o700)).rejects.toMatchObject({ code: 'EEXIST' });
  await expect(makeFolders(folder.join('file/below'), 0o700)).rejects.toMatchObject({ code: 'ENOTDIR' });
  await expect(makeFolders('/proc/hozen/below', 0o700)).rejects.toMatchObject({ code: 'ENOENT' });
});
