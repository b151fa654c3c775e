import { execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { PrivatePostgres, giveToServer } from '@hozen/dbms';
import { tempDir, TestPostgres, type TempDir } from '@hozen/testkit';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { quietContext } from '../../backup.fixture.js';
import { chainOf } from '../../restore/physical/chain.js';
import { checkArtefact } from '../../verification/check-artefact.js';
import { proveByStart } from '../../verification/prove-by-start.js';
import { contentOf, PhysicalBackups } from './physical.fixture.js';

let server: TestPostgres;
beforeAll(async () => {
  server = await TestPostgres.start({ initdbArgs: ['--data-checksums'] });
});
afterAll(() => server[Symbol.asyncDispose]());

let folder: TempDir;
beforeEach(async () => {
  folder = await tempDir();
  await using client = await server.client();
  await client.query(`
    CREATE TABLE steady AS SELECT i AS id, repeat(md5(i::text), 8) AS text FROM generate_series(1, 40000) i;
    CREATE INDEX ON steady (id);
    CREATE TABLE busy AS SELECT i AS id, 0 AS n, md5(i::text) AS text FROM generate_series(1, 20000) i;
    CREATE TABLE fleeting AS SELECT i AS id FROM generate_series(1, 1000) i`);
});
afterEach(async () => {
  await using client = await server.client();
  await client.query('DROP TABLE IF EXISTS steady, busy, fleeting, later');
  await folder[Symbol.asyncDispose]();
});

async function change(): Promise<void> {
  await using client = await server.client();
  await client.query(`
    UPDATE busy SET n = n + 1 WHERE id % 50 = 0;
    DROP TABLE IF EXISTS fleeting;
    CREATE TABLE IF NOT EXISTS later AS SELECT i AS id FROM generate_series(1, 5000) i;
    DELETE FROM busy WHERE id > 15000`);
  await client.query('VACUUM busy');
}

/** Restores a chain with the script in its last backup, starts a server on it, and reads it. */
async function restoredByHand(paths: string[]): Promise<Record<string, string>> {
  const work = folder.join('by-hand');
  mkdirSync(work, { mode: 0o711 });
  const last = paths.at(-1) ?? '';
  execFileSync('sh', ['-c', `tar -xOf '${last}' --occurrence=1 restore.sh > restore.sh`], { cwd: work });
  const directory = folder.join('by-hand', 'data');
  execFileSync('sh', ['restore.sh', directory, ...paths], { cwd: work, stdio: 'pipe' });
  await giveToServer(directory);
  await using restored = await PrivatePostgres.start({ dataDir: directory });
  return await contentOf(restored.address());
}

describe('a copy of the files', () => {
  it('is proven, and restores with its own script to what was there', async () => {
    const backups = new PhysicalBackups(server.address(), folder.path);
    const { job, artefact } = await backups.make('full');
    await checkArtefact(job, artefact, quietContext());
    expect(await proveByStart(job, artefact, quietContext())).toMatchObject({ level: 'restore' });
    expect(await restoredByHand([artefact.path])).toEqual(await contentOf(server.address()));
  });

  it('may be built on by one that has only what changed since', async () => {
    const backups = new PhysicalBackups(server.address(), folder.path);
    const full = await backups.make('full');
    await change();
    const first = await backups.make('incremental');
    await change();
    const second = await backups.make('incremental');
    expect(second.artefact.manifest).toMatchObject({
      level: 'incremental',
      physical: { increment: 'page-lsn', parent: { runId: first.job.runId } },
    });
    const { originalBytes } = full.artefact;
    expect(second.artefact.originalBytes).toBeLessThan(originalBytes * 0.8);
    await checkArtefact(second.job, second.artefact, quietContext());
    expect(await proveByStart(second.job, second.artefact, quietContext())).toMatchObject({ level: 'restore' });
    const chain = await chainOf(second.artefact, second.job.config);
    expect(chain.map(({ manifest }) => manifest.runId)).toEqual([full.job.runId, first.job.runId, second.job.runId]);
    expect(await restoredByHand(chain.map(({ path }) => path))).toEqual(await contentOf(server.address()));
  });
});
