import { randomUUID } from 'node:crypto';
import { BackupConfiguration, newEvent, requireValid, type Reason } from '@hozen/contracts';
import { tempDir, TestPostgres, type TempDir } from '@hozen/testkit';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { backUp, jobFor } from '../backup.fixture.js';
import { applyConfiguration } from '../configs/apply-configuration.js';
import { BackupStore } from '../spec-support/backup-store.js';
import { acceptRestore } from './accept-restore.js';
import { claimRestore } from './claim-restore.js';
import { findRestore } from './list-restores.js';
import { planRequest } from './plan-request.js';

const CONTENT = `
  CREATE TYPE state AS ENUM ('open', 'paid');
  CREATE SEQUENCE numbers START 100;
  CREATE TABLE customers (id int PRIMARY KEY, name text);
  CREATE TABLE orders (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, number int DEFAULT nextval('numbers'), state state, note text,
    customer int REFERENCES customers);
  CREATE INDEX ON orders (state);
  GRANT SELECT ON orders TO clerk;
  CREATE VIEW bills AS SELECT o.id, c.name FROM orders o JOIN customers c ON c.id = o.customer;
  INSERT INTO customers SELECT n, 'customer ' || n FROM generate_series(1, 10) n;
  INSERT INTO orders (state, note, customer) SELECT 'paid', repeat(md5(n::text), 10), n % 10 + 1 FROM generate_series(1, 6000) n;
  CREATE TABLE events (at date, what text) PARTITION BY RANGE (at);
  CREATE TABLE events_2025 PARTITION OF events FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');
  CREATE TABLE events_2026 PARTITION OF events FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
  INSERT INTO events VALUES ('2025-02-03', 'old'), ('2026-02-03', 'new');
  CREATE SCHEMA audit;
  CREATE TABLE audit."odd ""name""" AS SELECT 1 AS a;
  CREATE FUNCTION audit.f() RETURNS int LANGUAGE sql AS 'SELECT 1';
  SELECT lo_from_bytea(4711, 'large');
`;

let store: BackupStore;
let source: TestPostgres;
let destination: TestPostgres;
let folder: TempDir;
let runId: string;

beforeAll(async () => {
  folder = await tempDir();
  [store, source, destination] = await Promise.all([BackupStore.start(), TestPostgres.start(), TestPostgres.start()]);
  for (const server of [source, destination]) {
    await using client = await server.client();
    await client.query('CREATE ROLE clerk');
  }
  await source.createDatabase('shop');
  await using shop = await source.client('shop');
  await shop.query(CONTENT);
  jobFor(destination.address(), folder.path);
  const artefact = await backUp(jobFor(source.address(), folder.path));
  const target = (name: string, server: TestPostgres) => {
    const { host, port, user } = server.address();
    return { name, kind: 'postgres', host, port, user, password: `env:HOZEN_TEST_PASSWORD_${port}` };
  };
  const wanted = requireValid(BackupConfiguration, {
    targets: [target('shop', source), target('elsewhere', destination)],
    configs: [{ name: 'nightly', target: 'shop', storage: { kind: 'file', path: folder.path } }],
  });
  await store.database.transaction((manager) => applyConfiguration(manager, wanted, false));
  runId = await store.completed('nightly', artefact);
}, 60_000);
afterAll(async () => {
  await Promise.all([store, source, destination, folder].map((each) => each[Symbol.asyncDispose]()));
});
afterEach(async () => {
  await using client = await destination.client();
  for (const name of await databases())
    await client.query(`DROP DATABASE ${client.escapeIdentifier(name)} WITH (FORCE)`);
});

async function databases(): Promise<string[]> {
  await using client = await destination.client();
  const { rows } = await client.query<{ name: string }>(
    `SELECT datname::text AS name FROM pg_database WHERE datname NOT IN ('postgres', 'template0', 'template1') ORDER BY 1`,
  );
  return rows.map(({ name }) => name);
}

async function ask(wanted: object[], change: object = {}): Promise<{ id: string; reasons: Reason[] }> {
  const data = { run: runId, target: 'elsewhere', databases: wanted, ...change } as never;
  const event = newEvent('restore.requested', data, { source: 'spec', id: randomUUID() });
  const reasons = await store.outbox.transaction((tx) => acceptRestore(tx, event));
  return { id: event.id, reasons };
}

async function execute(): Promise<void> {
  const row = await store.claimRestore();
  await store.executeRestore(row, folder.join('spool'));
}

/** Restores, and tells what came of it. */
async function restored(...wanted: object[]) {
  const { id } = await ask(wanted);
  await execute();
  return findRestore(store.database, id);
}

async function relationsOf(database: string): Promise<string[]> {
  await using client = await destination.client(database);
  const { rows } = await client.query<{ name: string }>(
    `SELECT c.oid::regclass::text AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
      WHERE n.nspname !~ '^(pg_|information_schema)' AND c.relkind IN ('r', 'p', 'v', 'S') ORDER BY 1`,
  );
  return rows.map(({ name }) => name);
}

const ORDERS = `SELECT count(*)::int AS n, sum(hashtext(o::text))::text AS sum FROM orders AS o`;

async function sameOrders(database: string): Promise<void> {
  await using original = await source.client('shop');
  await using copy = await destination.client(database);
  expect((await copy.query(ORDERS)).rows).toEqual((await original.query(ORDERS)).rows);
}

describe('a restore of chosen tables', () => {
  it('has them with rows, indexes, rights and the next numbers, in a database of their own', async () => {
    const view = await restored({ name: 'shop', tables: ['public.orders'] });
    expect(view).toMatchObject({
      state: 'completed',
      databases: [{ name: 'shop', as: 'shop_restored', tables: ['public.orders'] }],
      result: [{ name: 'shop', as: 'shop_restored', tables: 1 }],
    });
    expect(await relationsOf('shop_restored')).toEqual(['numbers', 'orders', 'orders_id_seq']);
    await sameOrders('shop_restored');
    await using client = await destination.client('shop_restored');
    expect((await client.query(`INSERT INTO orders (state) VALUES ('open') RETURNING id, number`)).rows).toEqual([
      { id: '6001', number: 6100 },
    ]);
    const { rows } = await client.query(
      `SELECT has_table_privilege('clerk', 'orders', 'SELECT') AS may, count(*)::int AS n FROM pg_indexes WHERE tablename = 'orders'`,
    );
    expect(rows).toEqual([{ may: true, n: 2 }]);
  });

  it('takes small tables out of a stream that they share, partitions with their table, and any name', async () => {
    const view = await restored({ name: 'shop', as: 'some', tables: ['events', 'audit."odd ""name"""', 'cust*'] });
    expect(view).toMatchObject({ state: 'completed', result: [{ tables: 4 }] });
    expect(await relationsOf('some')).toEqual([
      'audit."odd ""name"""',
      'customers',
      'events',
      'events_2025',
      'events_2026',
    ]);
    await using client = await destination.client('some');
    expect((await client.query('SELECT count(*)::int AS n FROM events')).rows).toEqual([{ n: 2 }]);
  });

  it('has views on them only where all that they need is there', async () => {
    const plan = await planRequest(
      store.database,
      { run: runId, target: 'elsewhere', databases: [{ name: 'shop', tables: ['orders', 'bills', 'events_2026'] }] },
      [],
    );
    expect(plan).toMatchObject({ obstacles: [], databases: [{ as: 'shop_restored', tables: 2 }] });
    expect(plan.databases[0]?.bytes).toBeGreaterThan(1_900_000);
    expect(plan.databases[0]?.parts).toEqual({
      tables: ['public.events_2026', 'public.orders'],
      withoutRows: ['public.events'],
      unrestorable: ['view public.bills', 'fk constraint public.orders orders_customer_fkey'],
    });
    expect(await databases()).toEqual([]);
  });

  it('can be whole schemas, with their functions and without large objects', async () => {
    expect(await restored({ name: 'shop', as: 'audit', schemas: ['audit'] })).toMatchObject({ state: 'completed' });
    expect(await relationsOf('audit')).toEqual(['audit."odd ""name"""']);
    await using client = await destination.client('audit');
    expect((await client.query('SELECT audit.f()')).rows).toEqual([{ f: 1 }]);
    expect((await client.query('SELECT FROM pg_largeobject_metadata')).rowCount).toBe(0);
  });

  it('goes on after the death of its worker', async () => {
    const { id } = await ask([{ name: 'shop', as: 'again', tables: ['orders'] }]);
    const dead = await claimRestore(store.database, 'dead');
    await using client = await destination.client();
    await client.query(`CREATE DATABASE "hozen_${dead?.id.replaceAll('-', '')}_${dead?.epoch}_0"`);
    await store.database.query('UPDATE restores SET lease_until = clock_timestamp() WHERE id = $1', [dead?.id]);
    await execute();
    expect(await findRestore(store.database, id)).toMatchObject({ state: 'completed', attempt: 2 });
    expect(await databases()).toEqual(['again']);
  });

  it('can be of a backup that has a part of the database only, which its plan says', async () => {
    const job = jobFor(source.address(), folder.path, { startedAt: new Date('2026-01-04T00:00:00Z') });
    Object.assign(job.config, { include: { databases: ['shop'], tables: ['orders', 'customers'] } });
    const run = await store.completed('nightly', await backUp(job));
    const databasesOf = (tables?: string[]) => [{ name: 'shop', as: 'part', ...(tables ? { tables } : {}) }];
    const plan = await planRequest(store.database, { run, target: 'elsewhere', databases: databasesOf() }, []);
    expect(plan.warnings).toContainEqual(expect.stringContaining('tables and views are left out'));
    const all = await planRequest(store.database, { run, target: 'elsewhere', whole: true }, []);
    expect(all.warnings).toContain('The database "postgres" is not in the backup, as its config says.');
    const { id } = await ask(databasesOf(['orders']), { run });
    await execute();
    expect(await findRestore(store.database, id)).toMatchObject({ state: 'completed', result: [{ tables: 1 }] });
    await sameOrders('part');
  });

  it('names every pattern that the backup has nothing of, and changes nothing', async () => {
    const view = await restored({ name: 'shop', tables: ['ordres', 'orders', 'nowhere.*'] });
    expect(view).toMatchObject({ state: 'failed', error: { code: 'RESTORE_IMPOSSIBLE' } });
    expect(view.error?.message).toMatch(/nothing of shop: ordres; .*nothing of shop: nowhere\.\*/);
    expect(await databases()).toEqual([]);
  });

  it('says which locales the server does not have', async () => {
    await using shop = await source.client('shop');
    await shop.query(
      `CREATE COLLATION audit.german (locale = 'C.UTF-8'); CREATE COLLATION audit.icu (provider = icu, locale = 'de')`,
    );
    await shop.query(
      `UPDATE pg_collation SET collcollate = 'xx_YY.utf8', collctype = 'xx_YY.utf8' WHERE collname = 'german'`,
    );
    const artefact = await backUp(
      jobFor(source.address(), folder.path, { startedAt: new Date('2026-01-03T00:00:00Z') }),
    );
    const run = await store.completed('nightly', artefact);
    const plan = (database: object) =>
      planRequest(store.database, { run, target: 'elsewhere', databases: [database] }, []);
    const whole = await plan({ name: 'shop' });
    expect(whole.obstacles).toEqual([{ kind: 'locale-missing', what: 'xx_YY.utf8' }]);
    expect((await plan({ name: 'shop', tables: ['orders'] })).obstacles).toEqual([]);
    await using client = await destination.client();
    expect((await client.query(`SELECT FROM pg_collation WHERE collname = 'hozen_probe'`)).rowCount).toBe(0);
  });

  it.each([
    ['schemas and tables at once', [{ name: 'shop', schemas: ['a'], tables: ['b'] }], {}, 'either schemas or tables'],
    ['in place', [{ name: 'shop', tables: ['b'] }], { inPlace: true }, 'only whole databases'],
  ])('is rejected where it asks for %s', async (_what, wanted, change, message) => {
    const { reasons } = await ask(wanted, change);
    expect(reasons.map((each) => each.message).join()).toContain(message);
  });
});

describe('a restore of chosen tables into a database that is there', () => {
  beforeEach(async () => {
    await destination.createDatabase('shop');
    await using client = await destination.client('shop');
    await client.query(`
      CREATE TABLE customers (id int PRIMARY KEY, mine text);
      CREATE SCHEMA audit;
      CREATE TYPE state AS ENUM ('other');
      CREATE TABLE events (at date, what text) PARTITION BY RANGE (at)`);
  });

  const contents = async () => {
    await using client = await destination.client('shop');
    const { rows } = await client.query<{ name: string }>(
      `SELECT c.relkind::text || ' ' || c.oid::regclass::text AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE n.nspname !~ '^(pg_|information_schema)' ORDER BY 1`,
    );
    return rows.map(({ name }) => name);
  };

  it('makes them beside what is there, which stays as it is', async () => {
    await using client = await destination.client('shop');
    await client.query('DROP TYPE state');
    const view = await restored({ name: 'shop', into: 'shop', tables: ['orders', 'events_2026', 'audit.odd*'] });
    expect(view).toMatchObject({ state: 'completed', result: [{ name: 'shop', as: 'shop', tables: 3 }] });
    expect(await databases()).toEqual(['shop']);
    await sameOrders('shop');
    expect((await client.query('SELECT what FROM events')).rows).toEqual([{ what: 'new' }]);
    expect((await client.query(`INSERT INTO orders (state) VALUES ('open') RETURNING id, number`)).rows).toEqual([
      { id: '6001', number: 6100 },
    ]);
    const { rows } = await client.query(`SELECT count(*)::int AS n FROM pg_indexes WHERE tablename = 'orders'`);
    expect(rows).toEqual([{ n: 2 }]);
    const analysed = `SELECT relname::text AS name FROM pg_stat_user_tables WHERE analyze_count = 3 ORDER BY 1`;
    expect((await client.query(analysed)).rows.map(({ name }) => name)).toEqual([
      'events_2026',
      'odd "name"',
      'orders',
    ]);
    expect((await client.query('SELECT mine FROM customers')).rowCount).toBe(0);
    expect(await store.eventsOf(view.id)).toEqual(['restore.accepted', 'restore.started', 'restore.completed']);
  });

  it('says in its plan what is there already, and what is another one', async () => {
    const wanted = { name: 'shop', into: 'shop', tables: ['orders', 'customers'] };
    const plan = await planRequest(store.database, { run: runId, target: 'elsewhere', databases: [wanted] }, []);
    expect(plan.obstacles).toEqual([
      { kind: 'table-exists', what: 'public.customers' },
      { kind: 'table-exists', what: 'public.customers_pkey' },
    ]);
    expect(plan.warnings).toEqual([expect.stringContaining('type state')]);
    const before = await contents();
    expect(await restored(wanted)).toMatchObject({ state: 'failed', error: { code: 'RESTORE_IMPOSSIBLE' } });
    expect(await contents()).toEqual(before);
  });

  it('changes nothing where the server refuses a part of it', async () => {
    // The type that is there under this name has no such value.
    const before = await contents();
    expect(await restored({ name: 'shop', into: 'shop', tables: ['orders'] })).toMatchObject({ state: 'failed' });
    expect(await contents()).toEqual(before);
    expect(await databases()).toEqual(['shop']);
  });

  it.each([
    ['restore.beside', 'failed'],
    ['restore.merged', 'failed'],
    ['restore.opened', 'completed'],
  ])('that is interrupted at %s is %s: they are there whole or not at all', async (point, state) => {
    const before = await contents();
    const { id } = await ask([{ name: 'shop', into: 'shop', tables: ['audit.*'] }]);
    process.env['HOZEN_FAILPOINTS'] = `${point}=throw`;
    try {
      await execute();
    } finally {
      delete process.env['HOZEN_FAILPOINTS'];
    }
    expect(await findRestore(store.database, id)).toMatchObject({ state });
    expect(await databases()).toEqual(['shop']);
    if (state === 'failed') expect(await contents()).toEqual(before);
    else expect(await contents()).toContain('r audit."odd ""name"""');
  });

  it('is told by the next worker where the one that made them died after it had cleaned up', async () => {
    const { id } = await ask([{ name: 'shop', into: 'shop', tables: ['audit.*'] }]);
    process.env['HOZEN_FAILPOINTS'] = 'restore.dropped=throw';
    try {
      await execute();
    } finally {
      delete process.env['HOZEN_FAILPOINTS'];
    }
    const { id: own, state } = await findRestore(store.database, id);
    expect([state, await databases()]).toEqual(['running', ['shop']]);
    await store.database.query('UPDATE restores SET lease_until = clock_timestamp() WHERE id = $1', [own]);
    await execute();
    expect(await findRestore(store.database, id)).toMatchObject({
      state: 'completed',
      attempt: 2,
      result: [{ tables: 1 }],
    });
  });

  it('is told by the next worker where the one that made them died before it could say so', async () => {
    const { id } = await ask([{ name: 'shop', into: 'shop', tables: ['audit.*'] }]);
    const dead = await claimRestore(store.database, 'dead');
    const beside = `hozen_${dead?.id.replaceAll('-', '')}_${dead?.epoch}_0`;
    await using client = await destination.client();
    await client.query(`CREATE DATABASE "${beside}"`);
    await client.query(`COMMENT ON DATABASE "${beside}" IS 'hozen restore ${dead?.id} is done'`);
    const late = 'UPDATE restores SET opening = true, lease_until = clock_timestamp() WHERE id = $1';
    await store.database.query(late, [dead?.id]);
    await execute();
    expect(await findRestore(store.database, id)).toMatchObject({ state: 'completed', attempt: 2 });
    expect(await databases()).toEqual(['shop']);
    expect(await contents()).not.toContain('r audit."odd ""name"""');
  });

  it.each([
    ['a whole database', [{ name: 'shop', into: 'shop' }]],
    [
      'two',
      [
        { name: 'shop', into: 'shop', tables: ['a'] },
        { name: 'shop', as: 'x', tables: ['b'] },
      ],
    ],
  ])('is rejected for %s', async (_what, wanted) => {
    expect((await ask(wanted)).reasons).toHaveLength(1);
  });
});
