import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { mkdir, readdir } from 'node:fs/promises';
import { GetObjectCommand, GetObjectTaggingCommand } from '@aws-sdk/client-s3';
import { BackupConfiguration, newEvent, requireValid } from '@hozen/contracts';
import { FaultProxy, NO_S3, s3Program, tempDir, TestS3, type TempDir } from '@hozen/testkit';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { BackupSeries } from '../backup-series.fixture.js';
import { applyConfiguration } from '../configs/apply-configuration.js';
import { BucketUser, bucketJob } from '../methods/s3/bucket.fixture.js';
import { listObjects } from '../methods/s3/list-objects.js';
import { BackupStore } from '../spec-support/backup-store.js';
import { acceptRestore, wrongDatabases } from './accept-restore.js';
import { findRestore } from './list-restores.js';
import { planRequest } from './plan-request.js';
import type { RestoreRow } from './restore-row.js';

const LARGE = randomBytes(20_000_000);

describe.skipIf(s3Program() === undefined)(`a restore into a bucket (${NO_S3})`, () => {
  let store: BackupStore;
  let folder: TempDir;
  let s3: TestS3;
  let proxy: FaultProxy;
  let runId: string;
  let there: BucketUser;
  let count = 0;

  const access = (prefix: string) => {
    const { kind: _kind, ...rest } = s3.storage(prefix, proxy.url);
    return rest;
  };

  beforeAll(async () => {
    [folder, store, s3] = await Promise.all([tempDir(), BackupStore.start(), TestS3.start()]);
    proxy = await FaultProxy.before(s3.url);
    const user = new BucketUser(s3, 'source');
    await user.put('a/契約 +%.txt', 'first', {
      ContentType: 'text/plain; charset=utf-8',
      CacheControl: 'no-store',
      Metadata: { author: 'somebody' },
      Tagging: 'a+b=c%3Ad',
    });
    await user.put('large', LARGE);
    for (let index = 0; index < 50; index++) await user.put(`many/${index}`, `content ${index}`);
    const backups = new BackupSeries((into, change) => bucketJob(into, access('source'), change), folder.path);
    await backups.make('full');
    await user.put('many/0', 'changed');
    const { artefact } = await backups.make('incremental');
    const storage = { kind: 'file', path: folder.join('storage') };
    const wanted = requireValid(BackupConfiguration, {
      targets: [{ name: 'documents', kind: 's3', ...access('source') }],
      configs: [{ name: 'nightly', target: 'documents', method: 's3', level: 'incremental', storage }],
    });
    await store.database.transaction((manager) => applyConfiguration(manager, wanted, false));
    runId = (await store.request('nightly')).id;
    await store.database.query(
      `UPDATE backup_runs SET state = 'completed', started_at = clock_timestamp(), finished_at = clock_timestamp() WHERE id = $1`,
      [runId],
    );
    const { path, checksumPath, manifestPath, bytes, originalBytes, sha256 } = artefact;
    await store.database.query(
      `INSERT INTO backup_artefacts
         (run_id, file_path, checksum_path, manifest_path, file_size, original_size, sha256, proof, proven_at)
       VALUES ($1, $2, $3, $4, $5, $6, $7, '{"level":"restore","databases":0,"tables":0,"files":9,"seconds":4}', clock_timestamp())`,
      [runId, path, checksumPath, manifestPath, bytes, originalBytes, sha256],
    );
  }, 120_000);
  afterAll(async () => {
    for (const each of [proxy, s3, store, folder]) await each?.[Symbol.asyncDispose]();
  });
  beforeEach(async () => {
    const prefix = `restored ${++count}`;
    there = new BucketUser(s3, prefix);
    const targets = [{ name: 'elsewhere', kind: 's3', ...access(prefix) }];
    const wanted = requireValid(BackupConfiguration, { targets, configs: [] });
    await store.database.transaction((manager) => applyConfiguration(manager, wanted, false));
  });
  afterEach(() => {
    proxy.breaks(() => undefined);
    delete process.env['HOZEN_FAILPOINTS'];
  });

  async function request(change: object = {}): Promise<string> {
    const id = randomUUID();
    const data = { run: runId, target: 'elsewhere', ...change };
    const event = newEvent('restore.requested', data, { source: 'test', id });
    await store.outbox.transaction((tx) => acceptRestore(tx, event));
    return id;
  }

  async function execute(row: RestoreRow): Promise<void> {
    await store.executeRestore(row, folder.join('spool'));
    expect(await readdir(folder.join('spool'))).toEqual([]);
  }

  async function objects(): Promise<Map<string, number>> {
    const listing = folder.join(`listing${count}-${randomUUID()}`);
    await mkdir(listing);
    const target = Object.assign(bucketJob(folder.path, access(`restored ${count}`)).target, {}) as never;
    const signal = new AbortController().signal;
    const found = await listObjects({
      client: there.client,
      spec: target,
      folder: listing,
      signal,
      onObjects: () => undefined,
    });
    const sizes = new Map<string, number>();
    for await (const { object } of found.paths()) if (object) sizes.set(object.key, object.size);
    return sizes;
  }

  const get = async (key: string) => {
    const answer = await there.client.send(new GetObjectCommand(there.at(key)));
    return { ...answer, content: Buffer.from((await answer.Body?.transformToByteArray()) ?? []) };
  };

  it('brings every object back, with its metadata and tags, from all backups of the chain', async () => {
    const plan = await planRequest(store.database, { run: runId, target: 'elsewhere' }, [], folder.path);
    expect(plan).toMatchObject({
      obstacles: [],
      chain: [{ level: 'full' }, { level: 'incremental' }],
      to: { target: `s3://backups/restored ${count}` },
    });
    const id = await request();
    await execute(await store.claimRestore());
    expect(await findRestore(store.database, id)).toMatchObject({ state: 'completed', warnings: [] });
    expect((await objects()).size).toBe(52);
    const text = await get('a/契約 +%.txt');
    expect(text.content.toString()).toBe('first');
    expect(text).toMatchObject({
      ContentType: 'text/plain; charset=utf-8',
      CacheControl: 'no-store',
      Metadata: { author: 'somebody' },
    });
    const { TagSet } = await there.client.send(new GetObjectTaggingCommand(there.at('a/契約 +%.txt')));
    expect(TagSet).toEqual([{ Key: 'a b', Value: 'c:d' }]);
    expect((await get('large')).content.equals(LARGE)).toBe(true);
    expect((await get('many/0')).content.toString()).toBe('changed');
  });

  it('puts nothing where something is', async () => {
    await there.put('mine', 'mine');
    const plan = await planRequest(store.database, { run: runId, target: 'elsewhere' }, []);
    expect(plan.obstacles).toEqual([{ kind: 'bucket-taken', what: `s3://backups/restored ${count}` }]);
    const id = await request();
    await execute(await store.claimRestore());
    expect(await findRestore(store.database, id)).toMatchObject({
      state: 'failed',
      error: { code: 'RESTORE_IMPOSSIBLE' },
    });
    expect([...(await objects()).keys()]).toEqual(['mine']);
  });

  it('goes on where a worker that died has begun, and never puts over what somebody else has put meanwhile', async () => {
    process.env['HOZEN_FAILPOINTS'] = 'restore.objects-put=throw';
    const id = await request();
    const dead = await store.claimRestore();
    await execute(dead);
    delete process.env['HOZEN_FAILPOINTS'];
    const again = () =>
      store.database.query(
        `UPDATE restores SET state = 'running', error = NULL, finished_at = NULL, lease_until = clock_timestamp() WHERE id = $1`,
        [dead.id],
      );
    await again();
    await execute(await store.claimRestore());
    expect(await findRestore(store.database, id)).toMatchObject({ state: 'completed', attempt: 2 });
    await there.put('many/7', 'CONTENT 7');
    await again();
    await execute(await store.claimRestore());
    expect(await findRestore(store.database, id)).toMatchObject({
      state: 'failed',
      error: { code: 'RESTORE_IMPOSSIBLE' },
    });
    expect((await get('many/7')).content.toString()).toBe('CONTENT 7');
  });

  it('knows an object as its own whose answer was lost', async () => {
    let lost = 0;
    proxy.breaks(({ method, url }) =>
      method === 'PUT' && url.includes('/many/1') && lost++ < 3 ? { loseAnswer: true } : undefined,
    );
    const id = await request();
    await execute(await store.claimRestore());
    expect(lost).toBeGreaterThan(3);
    expect(await findRestore(store.database, id)).toMatchObject({ state: 'completed' });
    const sum = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');
    expect(sum((await get('many/1')).content)).toBe(sum(Buffer.from('content 1')));
  });

  it('wants a bucket for a backup of one, and databases for a server alone', async () => {
    const data = { run: runId, target: 'elsewhere', databases: [{ name: 'x' }] };
    const event = newEvent('restore.requested', data, { source: 'spec', id: randomUUID() });
    const reasons = await store.outbox.transaction((tx) => acceptRestore(tx, event));
    expect(reasons.map(({ field }) => field)).toEqual(['databases']);
    expect(wrongDatabases('postgres', []).map(({ field }) => field)).toEqual(['databases']);
    expect(wrongDatabases('postgres', [{ name: 'x', as: 'x' }])).toEqual([]);
    const body = { run: runId, target: 'elsewhere', databases: [{ name: 'x' }] };
    await expect(planRequest(store.database, body, [])).rejects.toMatchObject({ code: 'REQUEST_INVALID' });
  });
});
