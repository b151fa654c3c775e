import { randomUUID } from 'node:crypto';
import { BackupConfiguration, newEvent, requireValid, type RestorePlanView } from '@hozen/contracts';
import { tempDir, TestPostgres, type TempDir } from '@hozen/testkit';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { backUp, jobFor } from '../backup.fixture.js';
import { applyConfiguration } from '../configs/apply-configuration.js';
import { BackupStore } from '../spec-support/backup-store.js';
import { contentOfCluster } from '../verification/cluster-content.fixture.js';
import { acceptRestore } from './accept-restore.js';
import { findRestore } from './list-restores.js';
import { planRequest } from './plan-request.js';

let store: BackupStore;
let source: TestPostgres;
let destination: TestPostgres;
let folder: TempDir;
let run: string;

const SHOP = `
  CREATE TABLE orders (id serial PRIMARY KEY, note text);
  INSERT INTO orders (note) SELECT E'tab\\t, \\\\. and ' || n FROM generate_series(1, 100) n;
  CREATE TABLE large (id int, v text);
  INSERT INTO large SELECT n, repeat(md5(n::text), 2) FROM generate_series(1, 40000) n;
  SELECT lo_from_bytea(4711, 'large');
  ALTER TABLE orders OWNER TO clerk`;

beforeAll(async () => {
  folder = await tempDir();
  [store, source] = await Promise.all([BackupStore.start(), TestPostgres.start()]);
  await using client = await source.client();
  await client.query(`CREATE ROLE clerk LOGIN PASSWORD 'secret'`);
  await source.createDatabase('shop');
  await using shop = await source.client('shop');
  await shop.query(SHOP);
}, 60_000);
afterAll(async () => {
  await Promise.all([store, source, folder].map((each) => each[Symbol.asyncDispose]()));
});
beforeEach(async () => {
  destination = await TestPostgres.start();
  const job = jobFor(source.address(), folder.path, { startedAt: new Date() });
  jobFor(destination.address(), folder.path);
  const target = (name: string, server: TestPostgres) => {
    const { host, port, user } = server.address();
    return { name, kind: 'postgres', host, port, user, password: `env:HOZEN_TEST_PASSWORD_${port}` };
  };
  const wanted = requireValid(BackupConfiguration, {
    targets: [target('shop', source), target('elsewhere', destination)],
    configs: [{ name: 'text', target: 'shop', format: 'sql', storage: { kind: 'file', path: folder.path } }],
  });
  await store.database.transaction((manager) => applyConfiguration(manager, wanted, false));
  Object.assign(job.config, { name: 'text', format: 'sql' });
  run ??= await store.completed('text', await backUp(job));
}, 60_000);
afterEach(async () => {
  await store.database.query('UPDATE backup_runs SET request_id = id WHERE id = $1', [run]);
  await destination[Symbol.asyncDispose]();
});

function plan(more: object): Promise<RestorePlanView> {
  return planRequest(store.database, { run, target: 'elsewhere', ...more }, []);
}

async function restored(more: object): Promise<Awaited<ReturnType<typeof findRestore>>> {
  const data = { run, target: 'elsewhere', ...more } as never;
  const event = newEvent('restore.requested', data, { source: 'spec', id: randomUUID() });
  expect(await store.outbox.transaction((tx) => acceptRestore(tx, event))).toEqual([]);
  const row = await store.claimRestore();
  await store.executeRestore(row, folder.join('spool'));
  return findRestore(store.database, event.id);
}

const without = (content: Awaited<ReturnType<typeof contentOfCluster>>) =>
  JSON.parse(JSON.stringify(content)) as object;

it('of SQL everything is restored, with its roles', async () => {
  const view = await restored({ whole: true });
  expect(view).toMatchObject({ state: 'completed', result: [{ name: 'shop', as: 'shop', tables: 2 }] });
  const address = { ...destination.address(), password: destination.password };
  expect(without(await contentOfCluster(address))).toEqual(without(await contentOfCluster(source.address())));
});

it('of SQL one database is restored beside what is there, under another name', async () => {
  await using client = await destination.client();
  await client.query('CREATE ROLE clerk');
  expect(await restored({ databases: [{ name: 'shop', as: 'shop_old' }] })).toMatchObject({ state: 'completed' });
  await using old = await destination.client('shop_old');
  const { rows } = await old.query(
    `SELECT (SELECT count(*)::int FROM orders) AS orders, (SELECT count(*)::int FROM large) AS large,
            nextval('orders_id_seq')::int AS next, convert_from(lo_get(4711), 'UTF8') AS object`,
  );
  expect(rows).toEqual([{ orders: 100, large: 40_000, next: 101, object: 'large' }]);
});

it('of SQL no parts are restored, and the plan says what has them', async () => {
  const { obstacles } = await plan({ databases: [{ name: 'shop', as: 'new', tables: ['orders'] }] });
  expect(obstacles).toContainEqual({
    kind: 'wrong-method',
    what: expect.stringContaining('configs of the format archive') as string,
  });
});

it('SQL that nobody answers for is let in by name only', async () => {
  await store.database.query(`UPDATE backup_runs SET request_id = 'adopted:' || id WHERE id = $1`, [run]);
  const databases = [{ name: 'shop', as: 'new' }];
  const notAllowed = { kind: 'not-allowed', what: 'statement:SQL (shop)' };
  expect((await plan({ databases })).obstacles).toContainEqual(notAllowed);
  expect((await plan({ databases, allow: ['statement:SQL'] })).obstacles).not.toContainEqual(notAllowed);
});
