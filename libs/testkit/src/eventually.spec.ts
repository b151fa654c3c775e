import { stat, writeFile } from 'node:fs/promises';
import { afterEach, expect, it } from 'vitest';
import { eventually } from './eventually.js';
import { tempDir } from './temp-dir.js';

afterEach(() => {
  delete process.env['HOZEN_KEEP'];
});

it('returns what the first success returns', async () => {
  let tries = 0;
  const result = await eventually(() => {
    if (++tries < 3) throw new Error('not yet');
    return tries;
  });
  expect(result).toBe(3);
});

it('gives up at its deadline with the last failure', async () => {
  let tries = 0;
  const attempt = () => Promise.reject(new Error(`failure ${++tries}`));
  await expect(eventually(attempt, { within: 50 })).rejects.toThrow(/still not so after 50 ms: failure [1-9]/);
  expect(tries).toBeGreaterThan(1);
});

it('removes a temporary folder with all that is in it, unless asked to keep it', async () => {
  const folder = await tempDir();
  await writeFile(folder.join('file'), '');
  process.env['HOZEN_KEEP'] = '1';
  await folder[Symbol.asyncDispose]();
  await stat(folder.join('file'));
  delete process.env['HOZEN_KEEP'];
  await folder[Symbol.asyncDispose]();
  await expect(stat(folder.path)).rejects.toThrow('ENOENT');
});
