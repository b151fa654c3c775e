import { eventually, ServiceDatabases, TestPostgres } from '@hozen/testkit';
import { Client } from 'pg';
import type { DataSource, MigrationInterface, QueryRunner } from 'typeorm';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createDataSource, migrate, provision, SERVICE_NAMES, SharedTables, type ServiceName } from './index.js';

let postgres: TestPostgres;
let databases: ServiceDatabases;

beforeAll(async () => {
  postgres = await TestPostgres.start({ settings: { log_statement: 'all' } });
});
beforeEach(async () => {
  databases = await ServiceDatabases.provision(postgres);
});
afterAll(() => postgres[Symbol.asyncDispose]());

class CreatesThings implements MigrationInterface {
  readonly name = 'CreatesThings1770000000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query('create table things (id int)');
    await runner.query('select pg_sleep(0.3)');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('drop table things');
  }
}

class Fails implements MigrationInterface {
  readonly name = 'Fails1780000000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query('create table half (id int)');
    throw new Error('no further');
  }

  async down(): Promise<void> {
    throw new Error('there is no way back');
  }
}

type Migrations = (new () => MigrationInterface)[];

async function withDatabase(
  migrations: Migrations,
  work: (dataSource: DataSource) => Promise<void>,
  service: ServiceName = 'backup',
): Promise<void> {
  const dataSource = createDataSource({ url: databases.urls[service], service, entities: [], migrations });
  try {
    await work(dataSource);
  } finally {
    if (dataSource.isInitialized) await dataSource.destroy();
  }
}

describe('a service', () => {
  it('reads and writes its own tables by their bare names, in UTC and with durable commits', async () => {
    await withDatabase([SharedTables], async (dataSource) => {
      await migrate(dataSource);
      await dataSource.query(`insert into inbox (consumer, message_id) values ('a', 'b')`);
      const [row] = (await dataSource.query(
        `select current_schema as schema, current_setting('synchronous_commit') as commit, current_setting('TimeZone') as zone,
                current_setting('application_name') as name`,
      )) as object[];
      expect(row).toEqual({ schema: 'backup', commit: 'on', zone: 'UTC', name: 'hozen/backup' });
      expect(await dataSource.query(`select count(*)::int as n from backup.inbox`)).toEqual([{ n: 1 }]);
    });
  });

  it('has no right on the schema of another, none on public, and none on other roles', async () => {
    await withDatabase([SharedTables], migrate, 'notifier');
    await withDatabase([SharedTables], async (dataSource) => {
      await migrate(dataSource);
      const refused = [
        'select * from notifier.inbox',
        `insert into notifier.inbox values ('a', 'b')`,
        'create table notifier.mine ()',
        'create table public.mine ()',
        'create schema mine',
        'drop schema notifier cascade',
        'set role hozen_notifier',
        `alter role hozen_notifier password 'x'`,
        'create temporary table mine ()',
        'create database mine',
      ];
      for (const statement of refused) {
        await expect(dataSource.query(statement), statement).rejects.toThrow(/permission denied|must be owner/);
      }
    });
  });

  it('cannot even connect as somebody without a role of the installation', async () => {
    await using admin = await postgres.client(databases.database);
    await admin.query(`create role stranger_${databases.database} login password 'x'`);
    const url = new URL(databases.urls.backup);
    url.username = `stranger_${databases.database}`;
    url.password = 'x';
    await expect(new Client(url.href).connect()).rejects.toThrow(/permission denied for database/);
  });

  it('lives on when all its sessions are ended, also one that is in the middle of a transaction', async () => {
    await withDatabase([SharedTables], async (dataSource) => {
      await migrate(dataSource);
      await using admin = await postgres.client(databases.database);
      const end = () =>
        admin.query(`select pg_terminate_backend(pid) from pg_stat_activity where usename = 'hozen_backup'`);
      await Promise.all([1, 2, 3].map(() => dataSource.query('select 1')));
      await end();
      const inside = dataSource.transaction(async (manager) => {
        await manager.query('select 1');
        await end();
        await manager.query('select 1');
      });
      await expect(inside).rejects.toThrow(/terminat|already released/i);
      // A session that was lent out at that moment may still report its end once.
      await eventually(async () => expect(await dataSource.query('select 1 as n')).toEqual([{ n: 1 }]));
    });
  });
});

describe('provisioning', () => {
  it('names a server that does not answer, without the password of its URL', async () => {
    const provisioning = provision({
      adminUrl: 'postgres://admin:secret-word@127.0.0.1:1/postgres',
      passwordOf: () => 'p',
    });
    await expect(provisioning).rejects.toMatchObject({
      code: 'SERVICE_UNREACHABLE',
      message: expect.stringMatching(/postgres:\/\/admin@127\.0\.0\.1:1\/postgres.*ECONNREFUSED/) as string,
    });
  });

  it('calls a refusal of the server a matter of the settings, not a fault of ours', async () => {
    const adminUrl = postgres.url().replace(/\/\/[^@]*@/, '//nobody@');
    const refused = {
      code: 'SETTINGS_INVALID',
      message: expect.stringContaining('refuses user "nobody"') as string,
    };
    const provisioning = provision({ adminUrl, adminPassword: 'wrong', passwordOf: () => 'p' });
    await expect(provisioning).rejects.toMatchObject(refused);
  });

  it('can be run again, and by several at once, and puts no password into the log', async () => {
    const database = await postgres.createDatabase();
    const again = () => provision({ adminUrl: postgres.url(), database, passwordOf: () => postgres.password });
    const results = await Promise.all([again(), again(), again()]);
    expect(results[1]).toEqual(results[0]);
    for (const service of SERVICE_NAMES) expect(results[0][service]).not.toContain(postgres.password);
    const url = new URL(results[0].scheduler);
    url.password = postgres.password;
    const client = new Client(url.href);
    await client.connect();
    await client.end();
    expect(await postgres.log()).not.toContain(postgres.password);
  });

  it('may make several databases of one server ready at once: the roles are the same', async () => {
    await using server = await TestPostgres.start();
    const ready = (database: string) =>
      provision({ adminUrl: server.url(), database, passwordOf: () => server.password });
    const results = await Promise.all(['one', 'two', 'three', 'four'].map(ready));
    expect(results.map(({ backup }) => new URL(backup).pathname)).toEqual(['/one', '/two', '/three', '/four']);
  });
});

describe('migrating', () => {
  it('happens once when two processes start at the same time', async () => {
    await withDatabase([SharedTables, CreatesThings], async (first) => {
      await withDatabase([SharedTables, CreatesThings], async (second) => {
        await Promise.all([migrate(first), migrate(second)]);
        expect(await first.query('select name from migrations order by id')).toEqual([
          { name: 'SharedTables1760000000000' },
          { name: 'CreatesThings1770000000000' },
        ]);
      });
    });
  });

  it('refuses a schema that a newer version has changed', async () => {
    await withDatabase([SharedTables, CreatesThings], migrate);
    await withDatabase([SharedTables], async (older) => {
      await expect(migrate(older)).rejects.toMatchObject({
        code: 'SCHEMA_NEWER',
        params: { service: 'backup', migration: 'CreatesThings1770000000000' },
      });
    });
  });

  it('leaves nothing of a migration that fails, and no lock', async () => {
    await withDatabase([SharedTables, Fails], async (dataSource) => {
      await expect(migrate(dataSource)).rejects.toThrow('no further');
      await expect(dataSource.query('select * from half')).rejects.toThrow(/does not exist/);
      await withDatabase([SharedTables, CreatesThings], migrate);
    });
  });

  it('gives the connection back with its time limits', async () => {
    await withDatabase([SharedTables], async (dataSource) => {
      await migrate(dataSource);
      const rows = (await Promise.all(
        Array.from({ length: 4 }, () => dataSource.query(`select current_setting('statement_timeout') as t`)),
      )) as { t: string }[][];
      expect(rows.flat().map(({ t }) => t)).toEqual(['30s', '30s', '30s', '30s']);
    });
  });
});
