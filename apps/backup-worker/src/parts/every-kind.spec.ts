import { everyKindOfObject, tempDir, TestPostgres, type TempDir } from '@hozen/testkit';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { backUp, jobFor, quietContext } from '../backup.fixture.js';
import { checkArtefact } from '../verification/check-artefact.js';
import { proveByRestore } from '../verification/prove-by-restore.js';

let server: TestPostgres;
let folder: TempDir;
beforeAll(async () => {
  folder = await tempDir();
  server = await TestPostgres.start();
  await everyKindOfObject(server);
}, 180_000);
afterAll(async () => {
  await server[Symbol.asyncDispose]();
  await folder[Symbol.asyncDispose]();
});

describe('parts of a cluster with every kind of object', () => {
  it.each([
    ['half of the tables', { include: { tables: ['*.[a-o]*'] } }],
    ['the other half', { exclude: { tables: ['*.[a-o]*'] } }],
    ['only what public has', { include: { schemas: ['public'] } }],
  ])(
    'are proven: %s',
    async (what, parts) => {
      const startedAt = new Date(Date.UTC(2026, 0, 2, 3, what.length));
      const job = jobFor(server.address(), folder.path, { startedAt });
      Object.assign(job.config, parts);
      const artefact = await backUp(job);
      await checkArtefact(job, artefact, quietContext());
      await proveByRestore(job, artefact, quietContext());
    },
    180_000,
  );
});
