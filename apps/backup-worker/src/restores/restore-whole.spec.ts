import { randomUUID } from 'node:crypto';
import { BackupConfiguration, newEvent, requireValid, type Reason } from '@hozen/contracts';
import { everyKindOfObject, tempDir, TestPostgres, type TempDir } from '@hozen/testkit';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { backUp, jobFor } from '../backup.fixture.js';
import { applyConfiguration } from '../configs/apply-configuration.js';
import { roleStatements } from '../restore/role-statements.js';
import { BackupStore } from '../spec-support/backup-store.js';
import { contentOfCluster } from '../verification/cluster-content.fixture.js';
import { acceptRestore } from './accept-restore.js';
import { claimRestore } from './claim-restore.js';
import { findRestore } from './list-restores.js';
import { planRequest } from './plan-request.js';
import { refreshCollations } from './refresh-collations.js';

const ROLES = `
  CREATE ROLE "Team; ""A""" NOLOGIN;
  CREATE ROLE clerk LOGIN PASSWORD 'it''s; secret' CONNECTION LIMIT 3;
  COMMENT ON ROLE clerk IS 'sells; things';
  ALTER ROLE clerk SET work_mem = '5MB';
  GRANT "Team; ""A""" TO clerk WITH ADMIN OPTION;
  CREATE ROLE boss SUPERUSER;
  CREATE ROLE known NOLOGIN CONNECTION LIMIT 7;
`;

let store: BackupStore;
let source: TestPostgres;
let destination: TestPostgres;
let folder: TempDir;
let runId: string;

async function backedUp(config: string, server: TestPostgres): Promise<string> {
  const job = jobFor(server.address(), folder.path);
  job.config.name = config;
  return store.completed(config, await backUp(job));
}

beforeAll(async () => {
  folder = await tempDir();
  [store, source] = await Promise.all([BackupStore.start(), TestPostgres.start()]);
  await using client = await source.client();
  await client.query(ROLES);
  for (const name of ['shop', 'crm "x"']) await source.createDatabase(name);
  await client.query('ALTER DATABASE shop OWNER TO clerk');
  await client.query(`ALTER DATABASE shop SET work_mem = '7MB'`);
  await using shop = await source.client('shop');
  await shop.query(
    'CREATE TABLE orders AS SELECT n AS id FROM generate_series(1, 1000) n; ALTER TABLE orders OWNER TO clerk',
  );
  await client.query('CREATE TABLE in_postgres AS SELECT 1 AS a');
}, 60_000);
afterAll(async () => {
  await Promise.all([store, source, folder].map((each) => each[Symbol.asyncDispose]()));
});
beforeEach(async () => {
  destination = await TestPostgres.start();
  jobFor(destination.address(), folder.path);
  await configure();
  runId ??= await backedUp('nightly', source);
}, 60_000);
afterEach(() => destination[Symbol.asyncDispose]());

async function configure(): Promise<void> {
  const target = (name: string, server: TestPostgres) => {
    const { host, port, user } = server.address();
    return { name, kind: 'postgres', host, port, user, password: `env:HOZEN_TEST_PASSWORD_${port}` };
  };
  const config = (name: string) => ({ name, target: 'shop', storage: { kind: 'file', path: folder.path } });
  const targets = [target('shop', source), target('elsewhere', destination)];
  const wanted = requireValid(BackupConfiguration, {
    targets,
    configs: ['nightly', 'every kind', 'many tables'].map(config),
  });
  await store.database.transaction((manager) => applyConfiguration(manager, wanted, false));
}

async function ask(change: object = {}): Promise<{ id: string; reasons: Reason[] }> {
  const data = { run: runId, target: 'elsewhere', whole: true, ...change } as never;
  const event = newEvent('restore.requested', data, { source: 'spec', id: randomUUID() });
  const reasons = await store.outbox.transaction((tx) => acceptRestore(tx, event));
  return { id: event.id, reasons };
}

async function execute(): Promise<void> {
  const row = await store.claimRestore();
  await store.executeRestore(row, folder.join('spool'));
}

async function namesAt(server: TestPostgres, sql: string): Promise<string[]> {
  await using client = await server.client();
  return (await client.query<{ name: string }>(sql)).rows.map(({ name }) => name);
}
const databases = () => namesAt(destination, 'SELECT datname::text AS name FROM pg_database ORDER BY 1');
const roles = (server = destination) =>
  namesAt(server, `SELECT rolname::text AS name FROM pg_roles WHERE rolname !~ '^pg_' ORDER BY 1`);

const ABOUT_ROLES = `
  SELECT rolname, rolsuper, rolcanlogin, rolconnlimit, rolpassword, setconfig, shobj_description(a.oid, 'pg_authid') AS comment,
         (SELECT array_agg(m.roleid::regrole::text || m.admin_option) FROM pg_auth_members m WHERE m.member = a.oid) AS member
    FROM pg_authid a LEFT JOIN pg_db_role_setting s ON s.setrole = a.oid AND s.setdatabase = 0
   WHERE rolname IN ('clerk', 'boss', 'Team; "A"') ORDER BY 1`;

describe('a restore of everything', () => {
  it('is refused before anything is changed where the server cannot lock all tables of a database', async () => {
    await source.createDatabase('wide');
    await using wide = await source.client('wide');
    await wide.query(`DO $$ BEGIN FOR n IN 1 .. 150 LOOP EXECUTE format('CREATE TABLE t_%s ()', n); END LOOP; END $$`);
    const job = jobFor(source.address(), folder.path, { startedAt: new Date('2026-01-04T00:00:00Z') });
    const run = await store.completed('nightly', await backUp(job));
    await wide.end();
    await using client = await source.client();
    await client.query('DROP DATABASE wide');
    // Room for 140 locks.
    const settings = { max_connections: 12, max_worker_processes: 0, max_wal_senders: 0, autovacuum_max_workers: 1 };
    await using narrow = await TestPostgres.start({ settings: { ...settings, max_locks_per_transaction: 10 } });
    const { host, port, user } = narrow.address();
    process.env[`HOZEN_TEST_PASSWORD_${port}`] = narrow.password;
    const target = { name: 'narrow', kind: 'postgres', host, port, user, password: `env:HOZEN_TEST_PASSWORD_${port}` };
    const wanted = requireValid(BackupConfiguration, { targets: [target], configs: [] });
    await store.database.transaction((manager) => applyConfiguration(manager, wanted, false));
    const plan = (name: string) =>
      planRequest(store.database, { run, target: 'narrow', databases: [{ name, as: 'new' }] }, []);
    expect((await plan('wide')).obstacles).toEqual([
      {
        kind: 'locks-too-few',
        what: expect.stringMatching(/^150 tables of wide .* max_locks_per_transaction to 12 or/),
      },
    ]);
    expect((await plan('postgres')).obstacles).toEqual([]);
  });

  it('has all databases under their names, with the roles as they were', async () => {
    const { id } = await ask();
    await execute();
    const view = await findRestore(store.database, id);
    expect(view).toMatchObject({
      state: 'completed',
      whole: true,
      result: [
        { name: 'crm "x"', as: 'crm "x"', tables: 0 },
        { name: 'postgres', as: 'postgres_restored', tables: 1 },
        { name: 'shop', as: 'shop', tables: 1 },
      ],
    });
    await using one = await source.client();
    await using other = await destination.client();
    expect((await other.query(ABOUT_ROLES)).rows).toEqual((await one.query(ABOUT_ROLES)).rows);
    const facts = `SELECT datdba::regrole::text AS owner, setconfig FROM pg_database d
      LEFT JOIN pg_db_role_setting s ON s.setdatabase = d.oid WHERE datname = 'shop'`;
    expect((await other.query(facts)).rows).toEqual([{ owner: 'clerk', setconfig: ['work_mem=7MB'] }]);
    expect((await contentOfCluster(destination.address()))['shop']).toEqual(
      (await contentOfCluster(source.address()))['shop'],
    );
  }, 60_000);

  it('says in its plan what is made and what is there, and leaves that as it is', async () => {
    await using client = await destination.client();
    await client.query('CREATE ROLE known NOLOGIN; CREATE ROLE clerk');
    await client.query('CREATE DATABASE shop');
    const plan = await planRequest(store.database, { run: runId, target: 'elsewhere', whole: true }, []);
    expect(plan.roles).toEqual({
      create: ['Team; "A"', 'boss'],
      superusers: ['boss'],
      kept: ['clerk', 'known'],
    });
    expect(plan.obstacles).toEqual([{ kind: 'database-exists', what: 'shop' }]);
    expect(plan.warnings).toContainEqual(expect.stringContaining('"boss" is made, and may do anything'));
    expect(plan.warnings).toContainEqual(expect.stringContaining('"known" is there, and is another one'));
    const { id } = await ask();
    await execute();
    expect(await findRestore(store.database, id)).toMatchObject({
      state: 'failed',
      error: { code: 'RESTORE_IMPOSSIBLE' },
    });
    await client.query('DROP DATABASE shop');
    await ask();
    await execute();
    expect(await databases()).toContain('shop');
    const { rows } = await client.query(
      `SELECT rolcanlogin, rolconnlimit FROM pg_roles WHERE rolname IN ('known', 'clerk')`,
    );
    expect(rows).toEqual([
      { rolcanlogin: false, rolconnlimit: -1 },
      { rolcanlogin: false, rolconnlimit: -1 },
    ]);
  }, 60_000);

  it.each(['restore.roles', 'restore.beside'])(
    'that fails at %s leaves no role and no database',
    async (point) => {
      const before = [await roles(), await databases()];
      const { id } = await ask();
      process.env['HOZEN_FAILPOINTS'] = `${point}=throw`;
      try {
        await execute();
      } finally {
        delete process.env['HOZEN_FAILPOINTS'];
      }
      expect(await findRestore(store.database, id)).toMatchObject({ state: 'failed' });
      expect([await roles(), await databases()]).toEqual(before);
    },
    60_000,
  );

  it('goes on after the death of its worker, with the roles that it had made', async () => {
    const { id } = await ask();
    const dead = await claimRestore(store.database, 'dead');
    await using client = await destination.client();
    await client.query(`CREATE ROLE clerk; COMMENT ON ROLE clerk IS 'hozen restore ${dead?.id}'`);
    await store.database.query('UPDATE restores SET lease_until = clock_timestamp() WHERE id = $1', [dead?.id]);
    await execute();
    expect(await findRestore(store.database, id)).toMatchObject({ state: 'completed', attempt: 2 });
    const comments = `SELECT rolname, shobj_description(oid, 'pg_authid') AS c FROM pg_roles WHERE shobj_description(oid, 'pg_authid') <> ''`;
    expect((await client.query(comments)).rows).toEqual([{ rolname: 'clerk', c: 'sells; things' }]);
  }, 60_000);

  it('waits for the disk once for all definitions, and not for each', async () => {
    await using many = await TestPostgres.start();
    await many.createDatabase('many');
    await using client = await many.client('many');
    for (let n = 0; n < 150; n++) await client.query(`CREATE TABLE t${n} (id int PRIMARY KEY)`);
    const run = await backedUp('many tables', many);
    await destination[Symbol.asyncDispose]();
    destination = await TestPostgres.start({ settings: { fsync: 'on' } });
    jobFor(destination.address(), folder.path);
    await configure();
    await using there = await destination.client();
    const { id } = await ask({ run });
    await execute();
    expect(await findRestore(store.database, id)).toMatchObject({ state: 'completed' });
    const { rows } = await there.query<{ syncs: number }>('SELECT wal_sync::int AS syncs FROM pg_stat_wal');
    expect(rows[0]?.syncs).toBeGreaterThan(0);
    expect(rows[0]?.syncs).toBeLessThan(100);
  }, 60_000);

  it('brings every kind of object', async () => {
    await using every = await TestPostgres.start();
    await everyKindOfObject(every);
    const run = await backedUp('every kind', every);
    await using client = await destination.client();
    await client.query('SET allow_in_place_tablespaces = on');
    await client.query(`CREATE TABLESPACE "fast space" LOCATION ''`);
    const { id } = await ask({ run });
    await execute();
    expect(await findRestore(store.database, id)).toMatchObject({ state: 'completed' });
    const expected = await contentOfCluster(every.address());
    const found = await contentOfCluster(destination.address());
    for (const name of Object.keys(expected).filter((each) => !['postgres', 'template1'].includes(each))) {
      expect(found[name]).toEqual(expected[name]);
    }
    expect(await roles()).toEqual(await roles(every));
  }, 180_000);

  it.each([
    ['databases', { databases: [{ name: 'shop' }] }],
    ['in place', { inPlace: true }],
  ])('is rejected with %s', async (_what, change) => {
    expect((await ask(change)).reasons.map(({ field }) => field)).toContain('whole');
  });
});

describe('the statements of roles', () => {
  it('are those of pg_dumpall and no others', () => {
    const dump = [
      '\\restrict abc',
      '-- Roles; "',
      'CREATE ROLE "a;""b";',
      `ALTER ROLE "a;""b" WITH LOGIN PASSWORD 'x;''y\\';`,
      `COMMENT ON ROLE "a;""b" IS '\n\\! rm -rf /\n';`,
      'DROP DATABASE shop;',
      `COPY t FROM PROGRAM 'id';`,
      'GRANT g TO "a;""b" GRANTED BY postgres;',
      `GRANT ALL ON SCHEMA public TO x;`,
      '\\unrestrict abc\n',
    ].join('\n');
    expect(roleStatements(Buffer.from(dump)).map(({ kind, roles: [role] }) => [kind, role])).toEqual([
      ['create', 'a;"b'],
      ['alter', 'a;"b'],
      ['comment', 'a;"b'],
      ['grant', 'g'],
    ]);
  });

  it('must end', () => {
    expect(() => roleStatements(Buffer.from(`COMMENT ON ROLE a IS 'x;\n`))).toThrow(/quote/);
    expect(() => roleStatements(Buffer.from('CREATE ROLE a'))).toThrow(/ends within/);
  });
});

describe('versions of collations', () => {
  it('that a template brought along are those of today after a restore', async () => {
    await using client = await destination.client();
    const outdated = `SELECT count(*)::int AS n FROM pg_collation WHERE collversion <> pg_collation_actual_version(oid)`;
    await client.query(`UPDATE pg_collation SET collversion = '1.0' WHERE collname = 'ja-x-icu'`);
    expect((await client.query(outdated)).rows).toEqual([{ n: 1 }]);
    expect(await refreshCollations(client, 150_000)).toBe(1);
    expect((await client.query(outdated)).rows).toEqual([{ n: 0 }]);
  });
});
