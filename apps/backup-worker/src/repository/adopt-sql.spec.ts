import { randomUUID } from 'node:crypto';
import { rm, truncate } from 'node:fs/promises';
import { BackupConfiguration, newEvent, requireValid, S3StorageSpec, type StorageSpec } from '@hozen/contracts';
import { NO_S3, s3Program, tempDir, TestPostgres, TestS3, type TempDir } from '@hozen/testkit';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { listRuns } from '../api/list-runs.js';
import { readExactly } from '../artefact/byte-source.js';
import { jobFor, quietContext } from '../backup.fixture.js';
import { applyConfiguration } from '../configs/apply-configuration.js';
import type { BackupJob } from '../job.js';
import { methodOf } from '../methods/methods.js';
import { acceptRestore } from '../restores/accept-restore.js';
import { findRestore } from '../restores/list-restores.js';
import { planRequest } from '../restores/plan-request.js';
import { runBackup } from '../runs/run-backup.js';
import { BackupStore } from '../spec-support/backup-store.js';
import { artefactPaths } from '../storage/artefact-paths.js';
import { storageOf } from '../storage/storage-of.js';
import { contentOfCluster } from '../verification/cluster-content.fixture.js';
import { adoptArtefacts } from './adopt.js';
import { scanRepository } from './scan.js';

const SHOP = `
  CREATE TABLE small (id serial PRIMARY KEY, note text);
  INSERT INTO small (note) SELECT E'tab\\t, \\\\. and ' || n FROM generate_series(1, 100) n;
  CREATE TABLE large (id int, v text);
  INSERT INTO large SELECT n, repeat(md5(n::text), 2) FROM generate_series(1, 40000) n;
  SELECT lo_from_bytea(4711, 'large')`;

describe.skipIf(s3Program() === undefined)(`SQL in two storages (skipped where there is ${NO_S3})`, () => {
  let store: BackupStore;
  let source: TestPostgres;
  let s3: TestS3;
  let folder: TempDir;

  beforeAll(async () => {
    [store, source, s3] = await Promise.all([BackupStore.start(), TestPostgres.start(), TestS3.start()]);
    await source.createDatabase('shop');
    await using shop = await source.client('shop');
    await shop.query(SHOP);
  }, 60_000);
  afterAll(async () => {
    await Promise.all([store, source, s3].map((each) => each?.[Symbol.asyncDispose]()));
  });
  beforeEach(async () => {
    folder = await tempDir();
    await store.database.query(
      'TRUNCATE backup_configs, backup_targets, backup_runs, backup_artefacts, outbox CASCADE',
    );
  });
  afterEach(() => folder[Symbol.asyncDispose]());

  /** Where each word of the cases leads. */
  function storageIn(place: string): StorageSpec {
    if (place === 'a folder') return { kind: 'file', path: folder.join('storage') };
    return Object.assign(new S3StorageSpec(), s3.storage(`sql/${randomUUID()}`));
  }

  function jobInto(storage: StorageSpec, secondaryStorage: StorageSpec): BackupJob {
    const job = jobFor(source.address(), folder.path, { startedAt: new Date() });
    Object.assign(job.config, { name: 'text', format: 'sql', storage, secondaryStorage });
    return job;
  }

  /** As a worker that has lost its database begins again. */
  async function configure(storage: StorageSpec, ...others: TestPostgres[]): Promise<void> {
    const targets = [source, ...others].map((server, place) => {
      const { host, port, user, password } = server.address();
      process.env[`HOZEN_TEST_PASSWORD_${port}`] = password;
      const name = place === 0 ? 'shop' : 'elsewhere';
      return { name, kind: 'postgres', host, port, user, password: `env:HOZEN_TEST_PASSWORD_${port}` };
    });
    const configs = [{ name: 'text', target: 'shop', format: 'sql', storage }];
    const wanted = requireValid(BackupConfiguration, { targets, configs });
    await store.database.transaction((manager) => applyConfiguration(manager, wanted, false));
  }

  async function restored(data: object): Promise<Awaited<ReturnType<typeof findRestore>>> {
    const event = newEvent('restore.requested', data as never, { source: 'spec', id: randomUUID() });
    expect(await store.outbox.transaction((tx) => acceptRestore(tx, event))).toEqual([]);
    await store.executeRestore(await store.claimRestore(), folder.join('spool'));
    return findRestore(store.database, event.id);
  }

  async function bytesIn(storage: StorageSpec, paths: readonly string[]): Promise<Buffer[]> {
    return Promise.all(
      paths.map(async (path) => {
        await using file = await storageOf(storage).source(path, 'any');
        return readExactly(file, 0, file.size);
      }),
    );
  }

  async function filesIn(storage: StorageSpec): Promise<string[]> {
    const paths: string[] = [];
    for await (const path of storageOf(storage).files()) paths.push(path);
    return paths.toSorted();
  }

  it.each([
    ['a bucket', 'a folder'],
    ['a folder', 'a bucket'],
    ['a bucket', 'another bucket'],
  ])(
    'backed up into %s, and into %s besides, is proven, adopted from either, verified and restored',
    async (place, second) => {
      const [first, other] = [storageIn(place), storageIn(second)];
      const job = jobInto(first, other);
      const context = quietContext();
      const made = await runBackup(job, methodOf('postgres-logical').check(job, context), context);
      expect(made).toMatchObject({ proof: { level: 'restore' }, copy: { state: 'standing' } });
      const [paths, copies] = [artefactPaths(job), artefactPaths(job, other)];
      expect(paths.data).toMatch(/\.sql\.gz$/);
      const all = ({ data, checksum, manifest }: typeof paths) => [data, manifest, checksum];
      expect(await filesIn(first)).toEqual(all(paths).toSorted());
      expect(await filesIn(other)).toEqual(all(copies).toSorted());
      expect(await bytesIn(other, all(copies))).toEqual(await bytesIn(first, all(paths)));

      for (const [storage, { data }] of [
        [first, paths],
        [other, copies],
      ] as const) {
        await store.database.query('TRUNCATE backup_configs, backup_targets, backup_runs, backup_artefacts CASCADE');
        await using destination = await TestPostgres.start();
        await configure(storage, destination);
        const { findings } = await scanRepository(store.database, undefined);
        expect(findings).toMatchObject([{ kind: 'unknown', path: data, runId: job.runId, config: 'text' }]);
        const about = { runId: job.runId, config: 'text', path: data };
        expect(await adoptArtefacts(store.database, store.outbox, undefined)).toEqual({
          adopted: [about],
          refused: [],
        });
        expect((await scanRepository(store.database, undefined)).findings).toEqual([]);

        await store.verify(job.runId, 'full', folder.join('spool'));
        const { runs } = await listRuns(store.database, { state: 'completed', limit: '10' });
        expect(runs).toMatchObject([{ id: job.runId, artefact: { proof: { level: 'restore' } } }]);

        const request = { run: job.runId, target: 'elsewhere', databases: [{ name: 'shop' }] };
        const { obstacles } = await planRequest(store.database, request, []);
        expect(obstacles).toContainEqual({ kind: 'not-allowed', what: 'statement:SQL (shop)' });
        const view = await restored({ ...request, allow: ['statement:SQL'] });
        expect(view).toMatchObject({ state: 'completed', result: [{ name: 'shop', tables: 2 }] });
        const shop = async (server: TestPostgres) => (await contentOfCluster(server.address()))['shop'];
        expect(await shop(destination)).toEqual(await shop(source));
      }
    },
    240_000,
  );

  it('in a bucket is found to be damaged where its end is missing, and is not adopted', async () => {
    const bucket = storageIn('a bucket');
    const job = jobInto(bucket, storageIn('a folder'));
    const context = quietContext();
    await runBackup(job, methodOf('postgres-logical').check(job, context), context);
    const { data, manifest } = artefactPaths(job);
    await truncate(s3.fileOf(data), 1000);
    await configure(bucket);
    expect((await scanRepository(store.database, undefined)).findings).toMatchObject([{ kind: 'damaged', path: data }]);
    const { adopted, refused } = await adoptArtefacts(store.database, store.outbox, undefined);
    expect({ adopted, refused }).toMatchObject({ adopted: [], refused: [{ kind: 'damaged', path: data }] });
    await rm(s3.fileOf(manifest));
    expect((await scanRepository(store.database, undefined)).findings).toMatchObject([{ kind: 'unknown', path: data }]);
  });
});
