import { eventually, tempDir, TestPostgres, type TempDir } from '@hozen/testkit';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { jobFor, quietContext } from '../../backup.fixture.js';
import { checkTarget } from './check-target.js';
import { DatabaseSnapshot } from './database-snapshot.js';

let server: TestPostgres;
let folder: TempDir;
let database: string;
beforeAll(async () => {
  server = await TestPostgres.start();
  folder = await tempDir();
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
  await folder[Symbol.asyncDispose]();
});
beforeEach(async () => {
  database = await server.createDatabase();
  await using client = await server.client(database);
  await client.query('CREATE TABLE t AS SELECT i FROM generate_series(1, 10) i; CREATE SEQUENCE s OWNED BY t.i');
});

async function open(change: { lockWaitSeconds?: number } = {}): Promise<DatabaseSnapshot> {
  const job = jobFor(server.address(), folder.path);
  Object.assign(job.config, change);
  const target = await checkTarget(job, quietContext());
  await target.ahead?.[Symbol.asyncDispose]();
  const until = { signal: new AbortController().signal, fail: () => undefined };
  return DatabaseSnapshot.open(job, target, database, until);
}

describe('the snapshot of a database', () => {
  it('keeps every table from being truncated, dropped or altered until it is released', async () => {
    await using client = await server.client(database);
    await client.query(`SET lock_timeout = '100ms'`);
    const snapshot = await open();
    for (const change of ['TRUNCATE t', 'DROP TABLE t', 'ALTER TABLE t ADD COLUMN x int']) {
      await expect(client.query(change)).rejects.toMatchObject({ code: '55P03' });
    }
    await snapshot.release();
    await client.query('TRUNCATE t');
  });

  it('is taken after the locks: it never sees a table empty that was truncated and filled again', async () => {
    await using busy = await server.client(database);
    await busy.query('BEGIN; TRUNCATE t; INSERT INTO t SELECT 0 FROM generate_series(1, 7)');
    const opening = open();
    await using watcher = await server.client(database);
    await eventually(async () => {
      const { rowCount } = await watcher.query('SELECT FROM pg_locks WHERE NOT granted');
      expect(rowCount).toBe(1);
    });
    await busy.query('COMMIT');
    const snapshot = await opening;
    await watcher.query(`BEGIN ISOLATION LEVEL REPEATABLE READ; SET TRANSACTION SNAPSHOT '${snapshot.id}'`);
    expect((await watcher.query('SELECT FROM t')).rowCount).toBe(7);
    await snapshot.release();
  });

  it('gives up on a lock after the time of the config', async () => {
    await using busy = await server.client(database);
    await busy.query('BEGIN; LOCK TABLE t IN ACCESS EXCLUSIVE MODE');
    await expect(open({ lockWaitSeconds: 1 })).rejects.toMatchObject({ code: 'TARGET_LOCKED' });
  });

  it('lists tables with their sizes, and the columns that are copied', async () => {
    await using client = await server.client(database);
    await client.query('ALTER TABLE t ADD "a ""b" int, ADD doubled int GENERATED ALWAYS AS (i * 2) STORED');
    const snapshot = await open();
    const [table] = snapshot.tables;
    expect(table).toMatchObject({ schema: 'public', name: 't', hasData: true, unlogged: false });
    expect(table?.bytes).toBeGreaterThan(0);
    expect(await snapshot.columnsOf(snapshot.tables)).toEqual(new Map([[table?.oid, 'i, "a ""b"']]));
    await snapshot.release();
  });

  it('leaves the tables of extensions to pg_dump', async () => {
    await using client = await server.client(database);
    await client.query('CREATE EXTENSION pageinspect; ALTER EXTENSION pageinspect ADD TABLE t');
    const snapshot = await open();
    expect(await snapshot.columnsOf(snapshot.tables)).toEqual(new Map());
    await snapshot.release();
  });

  it('tells when it did not last until it was released', async () => {
    const snapshot = await open();
    await using client = await server.client();
    await client.query(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1 AND application_name LIKE 'hozen/%'`,
      [database],
    );
    await expect(snapshot.release()).rejects.toMatchObject({ code: 'TARGET_CONNECTION_LOST' });
  });
});
