import { eventually, tempDir, TestPostgres, type TempDir } from '@hozen/testkit';
import { connect, sessionName, type TargetClient } from '@hozen/dbms';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { jobFor, quietContext } from '../../backup.fixture.js';
import { checkTarget } from './check-target.js';

let server: TestPostgres;
let folder: TempDir;
beforeEach(async () => {
  server = await TestPostgres.start();
  folder = await tempDir();
});
afterEach(async () => {
  await server[Symbol.asyncDispose]();
  await folder[Symbol.asyncDispose]();
});

async function databaseWithRows(name: string, rows: number): Promise<void> {
  await using admin = await server.client();
  await admin.query(`CREATE DATABASE "${name}"`);
  await using client = await server.client(name);
  await client.query(`CREATE TABLE t AS SELECT repeat('x', 1000) AS text FROM generate_series(1, ${rows})`);
}

/** The databases that one check left a session in, and the session that the dump goes on with. */
async function check() {
  const job = jobFor(server.address(), folder.path);
  const target = await checkTarget(job, quietContext());
  const first = target.databases.toSorted((a, b) => (b.bytes ?? 0) - (a.bytes ?? 0))[0]?.name ?? '';
  const begun = target.ahead?.take(first, new AbortController().signal);
  const snapshot = await begun?.snapshot;
  const [own] = (await snapshot?.client.query<{ pid: number }>('SELECT pg_backend_pid() AS pid'))?.rows ?? [];
  await using admin = await server.client();
  // Those of the program come after the snapshot.
  const { rows } = await admin.query<{ pid: number; datname: string }>(
    `SELECT pid, datname FROM pg_stat_activity WHERE application_name = $1
        AND backend_start <= (SELECT xact_start FROM pg_stat_activity WHERE pid = $2)`,
    [sessionName(job.runId, job.epoch), own?.pid],
  );
  await begun?.discard();
  await snapshot?.[Symbol.asyncDispose]();
  return { sessions: rows, pid: own?.pid, tables: snapshot?.tables.length };
}

describe('what is begun ahead of a dump that does not come', () => {
  const sessionsOf = async (admin: Pick<TargetClient, 'query'>, name: string) =>
    (await admin.query(`SELECT FROM pg_stat_activity WHERE application_name = '${name}'`)).rowCount;

  it('is a snapshot and a program, and both are gone when the target is let go', async () => {
    await databaseWithRows('shop', 20_000);
    // More than a pipe holds: the program waits for somebody to read it.
    await using shop = await server.client('shop');
    await shop.query(`COMMENT ON TABLE t IS '${'long '.repeat(100_000)}'`);
    const job = jobFor(server.address(), folder.path);
    const name = sessionName(job.runId, job.epoch);
    const target = await checkTarget(job, quietContext());
    await using admin = await connect(server.address(), { applicationName: 'spec' });
    await eventually(async () => expect(await sessionsOf(admin, name)).toBe(2));
    await target.ahead?.[Symbol.asyncDispose]();
    // The server notices a moment later that they are gone.
    await eventually(async () => expect(await sessionsOf(admin, name)).toBe(0));
  });

  it('ends although it waits for a lock', async () => {
    await databaseWithRows('shop', 20_000);
    await using busy = await server.client('shop');
    await busy.query('BEGIN; LOCK TABLE t IN ACCESS EXCLUSIVE MODE');
    const job = jobFor(server.address(), folder.path);
    const target = await checkTarget(job, quietContext());
    await eventually(async () => {
      expect((await busy.query('SELECT FROM pg_locks WHERE NOT granted')).rowCount).toBe(1);
    });
    await target.ahead?.[Symbol.asyncDispose]();
    // The server looks whether its client is there only when it has the lock.
    await busy.query('ROLLBACK');
    await eventually(async () => expect(await sessionsOf(busy, sessionName(job.runId, job.epoch))).toBe(0));
  });
});

describe('the first session of a dump', () => {
  it('is the one that looked at the server, when the dump begins with the same database as the last one', async () => {
    await databaseWithRows('shop', 20_000);
    await check();
    const { sessions, pid, tables } = await check();
    expect(sessions).toEqual([{ pid, datname: 'shop' }]);
    expect(tables).toBe(1);
  });

  it('is another one, and the only one left, when another database has become the largest', async () => {
    await databaseWithRows('shop', 20_000);
    await check();
    await databaseWithRows('store', 60_000);
    const { sessions, pid } = await check();
    expect(sessions).toEqual([{ pid, datname: 'store' }]);
  });

  it('does without the database that it knew when that is gone or lets nobody in', async () => {
    await databaseWithRows('shop', 20_000);
    await databaseWithRows('store', 60_000);
    await check();
    await using admin = await server.client();
    await admin.query('ALTER DATABASE store ALLOW_CONNECTIONS false');
    expect((await check()).sessions).toMatchObject([{ datname: 'shop' }]);
    await admin.query('DROP DATABASE shop');
    expect((await check()).sessions).toHaveLength(1);
  });
});
