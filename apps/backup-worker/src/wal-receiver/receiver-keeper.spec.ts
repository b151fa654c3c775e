import { randomUUID } from 'node:crypto';
import { BackupConfiguration, requireValid } from '@hozen/contracts';
import { eventually, tempDir, TestPostgres, type TempDir } from '@hozen/testkit';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { applyConfiguration } from '../configs/apply-configuration.js';
import { BackupStore } from '../spec-support/backup-store.js';
import { claimReceiver, giveBackReceiver, renewReceiver } from './claim-receiver.js';
import { ReceiverKeeper } from './receiver-keeper.js';

const NOW = { receivedUntil: '0/1000000', lastError: null };

let store: BackupStore;
let folder: TempDir;
let name: string;

beforeAll(async () => {
  store = await BackupStore.start();
});
afterAll(() => store[Symbol.asyncDispose]());
beforeEach(async () => {
  folder = await tempDir();
  name = `config-${randomUUID().slice(0, 8)}`;
});
afterEach(async () => {
  await store.database.query('DELETE FROM backup_configs');
  await folder[Symbol.asyncDispose]();
});

async function configure(continuous: boolean, server: object = { host: 'db.example.org' }): Promise<void> {
  const storage = { kind: 'file', path: folder.join('backups') };
  const walArchive = { kind: 'file', path: folder.join('archive') };
  const wanted = requireValid(BackupConfiguration, {
    targets: [{ name, kind: 'postgres', ...server }],
    configs: [
      { name, target: name, method: 'postgres-wal', level: 'transaction_log', storage, walArchive, continuous },
    ],
  });
  await store.database.transaction((manager) => applyConfiguration(manager, wanted, false));
}

it('a config is received by one worker, until that is dead or the config is another one', async () => {
  await configure(false);
  expect(await claimReceiver(store.database, 'one')).toBeUndefined();
  await configure(true);
  const first = await claimReceiver(store.database, 'one');
  if (!first) throw new Error('it was not claimed');
  expect(await claimReceiver(store.database, 'two')).toBeUndefined();
  expect(await renewReceiver(store.database, first, NOW)).toBe(true);
  await store.database.query(`UPDATE wal_receivers SET lease_until = clock_timestamp() - interval '1 second'`);
  const second = await claimReceiver(store.database, 'two');
  if (!second) throw new Error('it was not taken over');
  expect(Number(second.epoch)).toBeGreaterThan(Number(first.epoch));
  expect(await renewReceiver(store.database, first, NOW)).toBe(false);
  expect(await renewReceiver(store.database, second, NOW)).toBe(true);
  await configure(true, { host: 'other.example.org' });
  expect(await renewReceiver(store.database, second, NOW)).toBe(false);
  await giveBackReceiver(store.database, second);
  expect(await claimReceiver(store.database, 'three')).toMatchObject({ target: { host: 'other.example.org' } });
});

it('a keeper receives, goes on after the server was away, and lets go of the slot when it is not wanted any more', async () => {
  await using server = await TestPostgres.start({ initdbArgs: ['--wal-segsize=1'] });
  process.env['HOZEN_TEST_RECEIVED'] = server.password;
  const { host, port, user } = server.address();
  await configure(true, { host, port, user, password: 'env:HOZEN_TEST_RECEIVED' });
  const keeper = new ReceiverKeeper(store.database, folder.join('spool'), true);
  keeper.start();
  const slots = async () => {
    await using client = await server.client();
    const { rows } = await client.query<{ active: boolean }>('SELECT active FROM pg_replication_slots');
    return rows.map(({ active }) => active);
  };
  try {
    await eventually(async () => expect(await slots()).toEqual([true]), { within: 20_000 });
    await server.restart('immediate');
    await eventually(async () => expect(await slots()).toEqual([true]), { within: 20_000 });
    await eventually(async () => {
      const rows = await store.database.query<object[]>(
        'SELECT last_error FROM wal_receivers WHERE received_until IS NOT NULL',
      );
      expect(rows).toEqual([{ last_error: null }]);
    });
    await configure(false, { host, port, user, password: 'env:HOZEN_TEST_RECEIVED' });
    await eventually(async () => expect(await slots()).toEqual([]), { within: 20_000 });
  } finally {
    await keeper.stop();
  }
}, 90_000);
