import { tempDir, TestPostgres } from '@hozen/testkit';
import { expect, it } from 'vitest';
import { backUp, jobFor, quietContext } from '../backup.fixture.js';
import { proveByRestore } from './prove-by-restore.js';

it.each(['archive', 'sql'] as const)('is proven as %s where template1 is no template', async (format) => {
  await using folder = await tempDir();
  await using server = await TestPostgres.start();
  await using client = await server.client();
  await client.query('ALTER DATABASE template1 IS_TEMPLATE false');
  await using template = await server.client('template1');
  await template.query('CREATE TABLE in_template AS SELECT 1 AS a');
  const job = jobFor(server.address(), folder.path);
  Object.assign(job.config, { format });
  const proof = await proveByRestore(job, await backUp(job), quietContext());
  expect(proof).toMatchObject({ level: 'restore', databases: 2, tables: 1 });
});
