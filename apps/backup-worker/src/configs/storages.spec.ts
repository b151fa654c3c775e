import { BackupConfiguration, requireValid } from '@hozen/contracts';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { BackupStore } from '../spec-support/backup-store.js';
import { applyConfiguration } from './apply-configuration.js';
import { listConfigs } from './list-configs.js';

let store: BackupStore;
beforeAll(async () => {
  store = await BackupStore.start();
});
afterAll(async () => {
  await store[Symbol.asyncDispose]();
});

it.each([
  [{ kind: 'file', path: '/srv/backups' }, '/srv/backups'],
  [{ kind: 's3', bucket: 'backups' }, 's3://backups'],
  [{ kind: 's3', bucket: 'backups', prefix: 'prod/shop' }, 's3://backups/prod/shop'],
])('the storage %j is kept, and shown as %s', async (storage, shown) => {
  const wanted = requireValid(BackupConfiguration, {
    targets: [{ name: 'shop', kind: 'postgres', host: 'shop.example.org' }],
    configs: [{ name: 'nightly', target: 'shop', storage }],
  });
  await store.database.transaction((manager) => applyConfiguration(manager, wanted, false));
  expect(await listConfigs(store.database)).toMatchObject([{ storagePath: shown }]);
  const rows = await store.database.query<unknown[]>('SELECT storage_path FROM backup_configs');
  expect(rows).toEqual([{ storage_path: shown }]);
});
