import { eventually, tempDir, TestPostgres } from '@hozen/testkit';
import { expect, it } from 'vitest';
import { backUp, jobFor, quietContext } from '../../backup.fixture.js';
import { standbyOf } from '../../spec-support/standby.js';
import { checkArtefact } from '../../verification/check-artefact.js';
import { proveByRestore } from '../../verification/prove-by-restore.js';

it('backs up a standby, but for the contents of unlogged tables', async () => {
  await using folder = await tempDir();
  await using primary = await TestPostgres.start();
  await using client = await primary.client();
  await client.query(
    'CREATE UNLOGGED TABLE fleeting (a serial); INSERT INTO fleeting DEFAULT VALUES; CREATE TABLE lasting AS SELECT 2 AS b',
  );
  await using standby = await standbyOf(primary, folder.join('standby'));
  const job = jobFor(standby.address(), folder.path);
  const artefact = await eventually(() => backUp(job));
  expect(artefact.manifest.postgres?.inRecovery).toBe(true);
  expect(artefact.manifest.warnings).toEqual([expect.stringContaining('standby')]);
  expect(artefact.manifest.databases.find(({ name }) => name === 'postgres')?.tables).toBe(1);
  await checkArtefact(job, artefact, quietContext());
  expect(await proveByRestore(job, artefact, quietContext())).toMatchObject({ level: 'restore', tables: 1 });
});
