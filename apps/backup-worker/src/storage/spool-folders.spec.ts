import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { tempDir } from '@hozen/testkit';
import { expect, it } from 'vitest';
import { aJob } from '../job.fixture.js';
import { cleanUp } from './clean-up.js';

it('removes with the folder of an attempt those of dead ones of its run, and nobody else’s', async () => {
  await using folder = await tempDir();
  const job = aJob(folder.path, { epoch: 10 });
  const other = `${crypto.randomUUID()}.3`;
  for (const name of [`${job.runId}.2`, `${job.runId}.10`, `${job.runId}.11`, other, 'received']) {
    await mkdir(folder.join('spool', name, 'scratch'), { recursive: true });
    await writeFile(folder.join('spool', name, 'scratch', 'file'), 'x');
  }
  await cleanUp({ ...job, spoolDir: folder.join('spool', `${job.runId}.10`) });
  expect((await readdir(folder.join('spool'))).toSorted()).toEqual([`${job.runId}.11`, other, 'received'].toSorted());
});

it('is content where there is no spool yet', async () => {
  await using folder = await tempDir();
  await cleanUp(aJob(folder.path, { spoolDir: folder.join('nowhere', 'spool') }));
});
