import { chown, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { findTools, PrivatePostgres, toolEnvironment, toolOutput } from '@hozen/dbms';
import { eventually, tempDir, TestPostgres } from '@hozen/testkit';
import { expect, it } from 'vitest';
import { backUp, jobFor, quietContext } from '../../backup.fixture.js';
import { checkArtefact } from '../../verification/check-artefact.js';
import { proveByRestore } from '../../verification/prove-by-restore.js';

/** A hot standby of `primary` in `dataDir`, in the hands of the primary's user. */
async function standbyOf(primary: TestPostgres, dataDir: string): Promise<PrivatePostgres> {
  const tools = await findTools(150_000);
  await using env = await toolEnvironment(primary.address());
  await toolOutput({ path: tools.path('pg_basebackup'), args: ['-D', dataDir, '-R', '-c', 'fast'], env });
  const { uid, gid } = await stat(primary.dataDir);
  for (const name of ['', ...(await readdir(dataDir, { recursive: true }))]) await chown(join(dataDir, name), uid, gid);
  const conninfo = `host=127.0.0.1 port=${primary.port} user=postgres password=${primary.password}`;
  return PrivatePostgres.start({ dataDir, keep: false, settings: { primary_conninfo: conninfo } });
}

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
  expect(artefact.manifest.postgres.inRecovery).toBe(true);
  expect(artefact.manifest.warnings).toEqual([expect.stringContaining('standby')]);
  expect(artefact.manifest.databases.find(({ name }) => name === 'postgres')?.tables).toBe(1);
  await checkArtefact(job, artefact, quietContext());
  expect(await proveByRestore(job, artefact, quietContext())).toMatchObject({ level: 'restore', tables: 1 });
});
