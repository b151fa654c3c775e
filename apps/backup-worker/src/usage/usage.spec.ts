import { rm } from 'node:fs/promises';
import { execFileSync } from 'node:child_process';
import { S3StorageSpec, type ConfigSpec, type StorageView } from '@hozen/contracts';
import { NO_S3, s3Program, tempDir, TestS3, type TempDir } from '@hozen/testkit';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { BackupStore } from '../spec-support/backup-store.js';
import type { CommittedArtefact } from '../storage/committed-artefact.js';
import { Bucket } from '../storage/s3/bucket.js';
import { claimPlace, lookSoon, type DuePlace } from './claim-place.js';
import { listStorages } from './list-storages.js';
import { measureStorage } from './measure-storage.js';
import { recordUsage } from './record-usage.js';
import { lookAt } from './usage-keeper.js';

let store: BackupStore;
let folder: TempDir;
beforeAll(async () => {
  store = await BackupStore.start();
});
afterAll(() => store[Symbol.asyncDispose]());
beforeEach(async () => {
  folder = await tempDir();
  await store.database.query('TRUNCATE backup_configs, backup_targets, backup_runs, storage_usage, outbox CASCADE');
  return () => folder[Symbol.asyncDispose]();
});

async function configured(name: string, storage: ConfigSpec['storage'], more: Partial<ConfigSpec> = {}): Promise<void> {
  await store.configure(name, folder.path, name, { storage, ...more });
}

async function dueNow(): Promise<DuePlace> {
  await store.database.query(`UPDATE storage_usage SET next_at = clock_timestamp()`);
  const due = await claimPlace(store.database);
  if (!due) throw new Error('nothing is due');
  return due;
}

/** Somebody looks, and finds it so full. */
async function seen(usedPercent: number, due?: DuePlace): Promise<void> {
  const now = due ?? (await dueNow());
  await recordUsage(store.outbox, now, { usedBytes: usedPercent * 10, capacityBytes: 1_000 });
}

async function told(): Promise<string[]> {
  const rows = await store.database.query<{ body: { type: string; data: { level?: string; usedPercent: number } } }[]>(
    `SELECT body FROM outbox WHERE subject LIKE 'storage.%' ORDER BY position`,
  );
  return rows.map(
    ({ body: { type, data } }) => `${type.slice('storage.usage_'.length)} ${data.level ?? ''} ${data.usedPercent}`,
  );
}

async function only(): Promise<StorageView> {
  const list = await listStorages(store.database);
  expect(list).toHaveLength(1);
  const [view] = list;
  if (!view) throw new Error('there is none');
  return view;
}

describe('a storage that fills', () => {
  it('is told of once for each threshold, and again only after it was well below', async () => {
    await configured('a', { kind: 'file', path: folder.path });
    for (const percent of [10, 80, 80.1, 81, 79, 80.5, 95, 95.1, 94, 96, 92.9, 95.1, 78, 77.9, 79, 81])
      await seen(percent);
    expect(await told()).toEqual([
      'high warning 80.1',
      'high critical 95.1',
      'high critical 95.1',
      'normal  78',
      'high warning 81',
    ]);
  });

  it('is critical at once where it fills between two looks', async () => {
    await configured('a', { kind: 'file', path: folder.path });
    await seen(99);
    expect(await told()).toEqual(['high critical 99']);
    expect(await only()).toMatchObject({ level: 'critical', usedPercent: 99, warningPercent: 80, criticalPercent: 95 });
  });

  it('is told of where the most careful of its configs says so, with all of them', async () => {
    await configured('a', { kind: 'file', path: folder.path, usage: { warningPercent: 60, criticalPercent: 99 } });
    await configured('b', { kind: 'file', path: `${folder.path}/` });
    await seen(61);
    const [event] = await store.database.query<{ body: object }[]>(
      `SELECT body FROM outbox WHERE subject LIKE 'storage.%'`,
    );
    expect(event?.body).toMatchObject({
      type: 'storage.usage_high',
      data: { storage: folder.path, level: 'warning', thresholdPercent: 60, usedPercent: 61, configs: ['a', 'b'] },
    });
  });

  it('is looked at by one worker at a time; one that comes late says nothing any more', async () => {
    await configured('a', { kind: 'file', path: folder.path });
    const claims = await Promise.all(Array.from({ length: 8 }, () => claimPlace(store.database)));
    const [late] = claims.filter((due) => due !== undefined);
    expect(claims.filter((due) => due !== undefined)).toHaveLength(1);
    expect(await claimPlace(store.database)).toBeUndefined();
    await seen(50);
    await seen(90, late);
    expect(await told()).toEqual([]);
    expect(await only()).toMatchObject({ level: 'ok', usedPercent: 50 });
  });

  it('is told of or not, and recorded or not, in one transaction', async () => {
    await configured('a', { kind: 'file', path: folder.path });
    const due = await dueNow();
    await store.database.query('ALTER TABLE outbox RENAME TO outbox_away');
    await expect(seen(90, due)).rejects.toThrow('outbox');
    await store.database.query('ALTER TABLE outbox_away RENAME TO outbox');
    expect((await only()).level).toBe('ok');
    await seen(90);
    expect(await told()).toEqual(['high warning 90']);
  });
});

it('a folder has the disk that df says', async () => {
  const text = execFileSync('df', ['-B1', '--output=used,avail', folder.path], { encoding: 'utf8' });
  const [used = 0, available = 0] = (text.split('\n')[1] ?? '').trim().split(/ +/).map(Number);
  const measured = await measureStorage([{ kind: 'file', path: folder.path }]);
  const near = (value: number | undefined, of: number) => expect(Math.abs((value ?? 0) - of)).toBeLessThan(1e9);
  near(measured?.usedBytes, used);
  near(measured?.capacityBytes, used + available);
});

it('a folder that is not there is not taken for the disk above it, and what was known stays', async () => {
  await configured('a', { kind: 'file', path: folder.join('away') });
  await seen(90);
  await rm(folder.join('away'), { recursive: true, force: true });
  await lookAt(store.database, store.outbox, await dueNow());
  expect(await only()).toMatchObject({
    level: 'warning',
    usedPercent: 90,
    error: expect.stringContaining('away') as string,
  });
});

it('a storage is looked at soon after a run that writes there, first or second, and not for others', async () => {
  await configured(
    'a',
    { kind: 'file', path: folder.join('one') },
    { secondaryStorage: { kind: 'file', path: folder.join('two') } },
  );
  await configured('b', { kind: 'file', path: folder.join('three') });
  for (let look = 0; look < 3; look++) expect(await claimPlace(store.database)).toBeDefined();
  expect(await claimPlace(store.database)).toBeUndefined();
  const [config] = await store.database.query<{ id: string }[]>(
    `SELECT id FROM backup_configs WHERE config_name = 'a'`,
  );
  await lookSoon(store.database, config?.id ?? '');
  const again = [await claimPlace(store.database), await claimPlace(store.database), await claimPlace(store.database)];
  const places = again.flatMap((due) => (due ? [due.place] : []));
  expect(new Set(places)).toEqual(new Set([`${folder.join('one')}/`, `${folder.join('two')}/`]));
});

it('each storage says how many bytes of which config stand there, and no others', async () => {
  await configured('a', { kind: 'file', path: folder.join('one') });
  await configured('b', { kind: 'file', path: folder.join('one') });
  await configured('c', { kind: 'file', path: folder.join('one-more') });
  const made = (config: string, path: string, bytes: number) => {
    const data = folder.join(path);
    const facts = {
      path: data,
      checksumPath: data,
      manifestPath: data,
      bytes,
      originalBytes: 1,
      sha256: '0'.repeat(64),
    };
    return store.completed(config, facts as CommittedArtefact);
  };
  await made('a', 'one/x', 100);
  const gone = await made('a', 'one/gone', 7);
  await made('b', 'one/y', 20);
  await made('c', 'one-more/z', 3);
  await store.database.query(
    `INSERT INTO artefact_deletions (run_id, reasons, decided_at, deleted_at)
     VALUES ($1, '["old"]', clock_timestamp(), clock_timestamp())`,
    [gone],
  );
  expect(await listStorages(store.database)).toMatchObject([
    {
      storage: folder.join('one'),
      artefacts: 2,
      artefactBytes: 120,
      configs: [
        { config: 'a', artefacts: 1, bytes: 100 },
        { config: 'b', artefacts: 1, bytes: 20 },
      ],
    },
    { storage: folder.join('one-more'), artefacts: 1, artefactBytes: 3 },
  ]);
});

describe.skipIf(s3Program() === undefined)(`a bucket (skipped where there is ${NO_S3})`, () => {
  it('is as full as what lies below its prefix is of the quota; without a quota nobody knows', async () => {
    await using s3 = await TestS3.start();
    const { secretKey, accessKey, ...rest } = s3.storage('backups');
    const of = (change: Partial<S3StorageSpec>) =>
      Object.assign(new S3StorageSpec(), { ...rest, secretKey, accessKey, prefix: 'shop', ...change });
    const bucket = new Bucket(of({}));
    await bucket.put('s3://backups/shop/a', 'x'.repeat(600));
    await bucket.put('s3://backups/shop/deep/b', 'x'.repeat(250));
    await bucket.put('s3://backups/shopping/c', 'x'.repeat(9_999));

    await configured('a', of({}));
    await lookAt(store.database, store.outbox, await dueNow());
    expect(await only()).not.toHaveProperty('usedPercent');
    await configured('a', of({ quotaBytes: 1_000 }));
    await lookAt(store.database, store.outbox, await dueNow());
    expect(await only()).toMatchObject({ usedBytes: 850, capacityBytes: 1_000, usedPercent: 85, level: 'warning' });
    expect(await told()).toEqual(['high warning 85']);
    await bucket.remove('s3://backups/shop/a');
    await lookAt(store.database, store.outbox, await dueNow());
    expect(await told()).toEqual(['high warning 85', 'normal  25']);
  });
});
