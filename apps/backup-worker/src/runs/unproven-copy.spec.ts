import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { tempDir, TestPostgres } from '@hozen/testkit';
import { expect, it } from 'vitest';
import { jobFor, quietContext } from '../backup.fixture.js';
import { methodOf } from '../methods/methods.js';
import { scratchFolder } from '../verification/scratch-server.js';
import { runBackup } from './run-backup.js';

it('an artefact that could not be proven is not shown in the second storage: it may have to be taken back', async () => {
  await using folder = await tempDir();
  await using source = await TestPostgres.start();
  const job = jobFor(source.address(), folder.path);
  job.config.secondaryStorage = { kind: 'file', path: folder.join('second') };
  const context = quietContext();
  // Where the scratch server of the proof would be.
  writeFileSync(await scratchFolder(job), 'not a folder');
  await using target = await methodOf(job.config.method).check(job, context);
  const result = await runBackup(job, Promise.resolve(target), context);
  expect(result).toMatchObject({ unproven: { code: 'SANDBOX_FAILED' }, copy: { state: 'pending' } });
  expect(existsSync(result.artefact.path)).toBe(true);
  expect(readdirSync(folder.join('second/manual'))).toEqual([]);
});
