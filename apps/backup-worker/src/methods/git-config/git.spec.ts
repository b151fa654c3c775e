import { mkdir, writeFile } from 'node:fs/promises';
import { whyUnconfined } from '@hozen/dbms';
import { tempDir } from '@hozen/testkit';
import { expect, it } from 'vitest';
import { Git } from './git.js';

const missing = await whyUnconfined();
const skipped = missing === undefined ? '' : ` (skipped, no sandbox can be had here: ${missing})`;

it.skipIf(missing !== undefined)(
  `git that reads a backup sees the folder of that, and nothing else${skipped}`,
  async () => {
    await using folder = await tempDir();
    const [inside, outside] = [folder.join('commit'), folder.join('secret')];
    await mkdir(inside);
    await writeFile(outside, 'the key');
    await writeFile(`${inside}/file`, 'the key');
    await using git = await Git.within(inside);
    const sumOf = async (path: string) => (await git.output(['hash-object', '--', path])).toString('utf8');
    expect(await sumOf(`${inside}/file`)).toMatch(/^[0-9a-f]{40}\n$/);
    await expect(sumOf(outside)).rejects.toMatchObject({ code: 'TOOL_FAILED' });
  },
);
