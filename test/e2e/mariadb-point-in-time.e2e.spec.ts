import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { RecoveryPoint, RestorePlanView, RunView } from '@hozen/contracts';
import { connectMariadb, findMariadbTool, PrivateMariadb } from '@hozen/dbms';
import { eventually, tempDir, type TempDir } from '@hozen/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Stack } from '../src/stack.js';

const isThere = await Promise.all([findMariadbTool('server'), findMariadbTool('backup')]).then(
  () => true,
  () => false,
);

/** A state of the table that was seen, and how it can be named. */
interface Seen {
  rows: number;
  point: RecoveryPoint;
}

describe.skipIf(!isThere)(
  'a point in time of a MariaDB server (skipped without mariadb-server and mariadb-backup)',
  { timeout: 90_000 },
  () => {
    let home: TempDir;
    let restored: TempDir;
    let server: PrivateMariadb;
    let stack: Stack;
    let rows = 0;
    /** How many there were when the first copy of the files was ready, and the last log was made. */
    let [copied, logged] = [0, 0];
    const seen: Seen[] = [];
    const clerks: { point: RecoveryPoint; there: boolean }[] = [];

    beforeAll(async () => {
      [home, restored] = await Promise.all([tempDir(), tempDir()]);
      server = await PrivateMariadb.start({
        dataDir: home.join('data'),
        // What is committed is not lost in a crash.
        settings: {
          'log-bin': 'bin',
          'server-id': 7,
          'gtid-domain-id': 3,
          'innodb-flush-log-at-trx-commit': 1,
          'sync-binlog': 1,
        },
      });
      await sql(
        `CREATE USER backup@localhost IDENTIFIED BY 'only for tests'`,
        `GRANT ALL ON *.* TO backup@localhost`,
        'CREATE DATABASE shop',
        'CREATE TABLE shop.ticks (n INT PRIMARY KEY, at DATETIME(6), filler TEXT)',
        'CREATE TABLE shop.seen (n INT)',
        'CREATE TRIGGER shop.after_ticks AFTER INSERT ON shop.ticks FOR EACH ROW INSERT INTO shop.seen VALUES (NEW.n)',
      );
      stack = await Stack.start(['backup-worker'], {
        MARIADB_PASSWORD: 'only for tests',
        HOZEN_RESTORE_FOLDERS: restored.path,
      });
      const target = { name: 'shop', kind: 'mariadb', host: server.address().host, user: 'backup' };
      const common = { target: 'shop', storage: { kind: 'file', path: stack.home.join('storage') } };
      await stack.configureBackups({
        targets: [{ ...target, password: 'env:MARIADB_PASSWORD' }],
        configs: [
          { ...common, name: 'files', method: 'mariadb-physical' },
          { ...common, name: 'dump', method: 'mariadb-logical' },
          { ...common, name: 'log', method: 'mariadb-binlog', level: 'transaction_log' },
        ],
      });
      await backedUp('log');
      await write(20);
      await backedUp('files');
      copied = rows;
      await write(30);
      await sql('FLUSH BINARY LOGS');
      await write(10);
      await backedUp('log');
      await sql(`CREATE USER clerk@localhost IDENTIFIED BY 'x'`, `GRANT SELECT ON shop.* TO clerk@localhost`);
      await write(10);
      await server.restart('crash');
      await write(30);
      await backedUp('files', 'incremental');
      await backedUp('dump');
      await write(20);
      logged = rows;
      await backedUp('log');
      await write(5);
    }, 180_000);
    afterAll(async () => {
      for (const each of [stack, server, home, restored]) await each?.[Symbol.asyncDispose]();
    });

    async function sql(...statements: string[]): Promise<void> {
      await using client = await connectMariadb(server.address());
      for (const statement of statements) await client.query(statement);
    }

    async function backedUp(config: string, level?: string): Promise<RunView> {
      const run = await stack.runEnded(
        await stack.request('backup.requested', { config, ...(level ? { level } : {}) }),
        60_000,
      );
      expect(run.error).toBeUndefined();
      return run;
    }

    /** Commits rows until the server's clock has gone on by a second, each with its time, and remembers moments between them. */
    async function write(atLeast: number): Promise<void> {
      await using client = await connectMariadb(server.address());
      const second = async () => Number((await client.query<{ s: string }>('SELECT unix_timestamp() AS s'))[0]?.s);
      const end = (await second()) + 1;
      for (let i = 0; i < atLeast || (await second()) <= end; i++) {
        await client.query('INSERT INTO shop.ticks VALUES (?, now(6), ?)', [++rows, 'x'.repeat(100)]);
        if (i % 40 === 3) await remember(client, i % 80 === 3);
      }
    }

    async function remember(client: Awaited<ReturnType<typeof connectMariadb>>, byGtid: boolean): Promise<void> {
      const [found] = await client.query<{ gtid: string; there: string }>(
        `SELECT @@last_gtid AS gtid, (SELECT count(*) FROM mysql.user WHERE user = 'clerk') AS there`,
      );
      const [status] = await client.query<{ File: string; Position: string }>('SHOW MASTER STATUS');
      const position = `${status?.File}:${status?.Position}`;
      const point = byGtid ? { gtid: found?.gtid ?? '' } : { position };
      seen.push({ rows, point });
      clerks.push({ point, there: Number(found?.there) === 1 });
    }

    /** All that was committed before the second of this moment: the rows have the time of their own. */
    async function rowsBefore(second: number): Promise<number> {
      await using client = await connectMariadb(server.address());
      const [found] = await client.query<{ n: string }>(
        'SELECT count(*) AS n FROM shop.ticks WHERE at < from_unixtime(?)',
        [second],
      );
      return Number(found?.n);
    }

    async function contentOf(
      directory: string,
    ): Promise<{ count: number; last: number; seen: number; there: boolean }> {
      // A copy of it would be started by the server's user; this is that server.
      await using restoredServer = await PrivateMariadb.start({
        dataDir: directory,
        keep: true,
        logFile: `${restored.path}/${crypto.randomUUID()}.log`,
        settings: { 'skip-grant-tables': 1 },
      });
      await using client = await connectMariadb(restoredServer.address());
      const [found] = await client.query<{ n: string; last: string; seen: string; there: string }>(
        `SELECT count(*) AS n, coalesce(max(n), 0) AS last, (SELECT count(*) FROM shop.seen) AS seen,
                (SELECT count(*) FROM mysql.user WHERE user = 'clerk') AS there FROM shop.ticks`,
      );
      const { n, last, seen: fired, there } = found ?? {};
      return { count: Number(n), last: Number(last), seen: Number(fired), there: Number(there) === 1 };
    }

    it('is restored exactly, whichever way it is named', async () => {
      const reachable = seen.filter((each) => each.rows > copied && each.rows <= logged);
      // Some of each way to name it, from the first to the last.
      const chosen = ['gtid', 'position'].flatMap((kind) => {
        const named = reachable.filter(({ point }) => kind in point);
        return [named[0], named.at(-1)].filter((each) => each !== undefined);
      });
      expect(new Set(chosen.flatMap(({ point }) => Object.keys(point))).size).toBe(2);
      for (const [index, { point, rows: expected }] of chosen.entries()) {
        const directory = restored.join(`point-${index}`);
        const restore = await stack.restoreEnded(
          await stack.request('restore.requested', { config: 'files', directory, point }),
          60_000,
        );
        expect(restore.error, JSON.stringify(point)).toBeUndefined();
        const there = clerks.find((each) => each.point === point)?.there;
        expect(await contentOf(directory), JSON.stringify(point)).toEqual({
          count: expected,
          last: expected,
          seen: expected,
          there,
        });
        expect(restore.reached?.gtids).toMatch(/^3-7-\d+$/);
        if (point.gtid !== undefined) expect(restore.reached?.gtids).toBe(point.gtid);
        const { mode, uid } = await stat(directory);
        expect(mode & 0o777).toBe(0o700);
        expect(uid).toBe((await stat(server.dataDir)).uid);
      }
      expect((await readdir(restored.path)).filter((name) => name.includes('.hozen-'))).toEqual([]);
    });

    it('by time is everything that was committed before that second', async () => {
      const request = { config: 'files', directory: restored.join('planned'), point: { latest: true } };
      const plan = await stack.post<RestorePlanView>('backup-worker', '/restores/plan', request);
      const { from = '', upTo = '' } = plan.recoverable?.at(-1) ?? {};
      for (const share of [0.4, 0.99]) {
        const at = Date.parse(from) + share * (Date.parse(upTo) - Date.parse(from));
        const time = new Date(at).toISOString();
        const directory = restored.join(`time-${share}`);
        const restore = await stack.restoreEnded(
          await stack.request('restore.requested', { config: 'files', directory, point: { time } }),
          60_000,
        );
        expect(restore.error, time).toBeUndefined();
        const begun = await rowsBefore(Math.floor(at / 1000));
        const { count, last, seen: triggered } = await contentOf(directory);
        // One row comes after the other: only the last one may have begun before the second, and been committed in it.
        expect([begun - 1, begun], time).toContain(count);
        expect([last, triggered], time).toEqual([count, count]);
        expect(Date.parse(restore.reached?.lastTransactionAt ?? from)).toBeLessThan(at);
      }
    });

    it('is planned with the newest copy and the logs that lead there, and refused where none do', async () => {
      const directory = restored.join('planned');
      const plan = (point: RecoveryPoint) =>
        stack.post<RestorePlanView>('backup-worker', '/restores/plan', { config: 'files', directory, point });
      const latest = await plan({ latest: true });
      expect(latest).toMatchObject({ obstacles: [], chain: [{ level: 'full' }, { level: 'incremental' }] });
      expect(latest.logs?.count).toBe(1);
      expect(latest.recoverable).toHaveLength(1);
      const before = seen.find((each) => each.rows > copied);
      expect(await plan(before?.point ?? {})).toMatchObject({ obstacles: [], chain: [{ level: 'full' }] });
      const late = seen.at(-1);
      for (const point of [late?.point ?? {}, { time: '2020-01-01T00:00:00Z' }, { gtid: '3-7-999999' }]) {
        const refused = await plan(point);
        expect(refused.obstacles).toMatchObject([{ kind: 'point-uncovered' }]);
        const restore = await stack.restoreEnded(
          await stack.request('restore.requested', { config: 'files', directory, point }),
        );
        expect(restore.error).toMatchObject({ code: 'RESTORE_IMPOSSIBLE' });
        expect(restore.error?.message).toContain(refused.recoverable?.[0]?.upTo);
      }
      expect((await plan({ lsn: '0/1' })).obstacles).toMatchObject([{ kind: 'wrong-method' }]);
    });

    it.each(['restore.before-rename', 'restore.renamed'])(
      'is there once, and exactly, when the worker is killed at %s',
      async (place) => {
        const { point, rows: expected } = seen.find((each) => each.rows > copied) ?? {};
        const directory = restored.join(place);
        const dying = await stack.workerDyingAt(place);
        const request = await stack.request('restore.requested', { config: 'files', directory, point });
        await dying.exit();
        await stack.startService('backup-worker');
        expect(await stack.restoreEnded(request, 60_000)).toMatchObject({
          state: 'completed',
          reached: { gtids: expect.stringMatching(/^3-7-\d+$/) as string },
        });
        expect(await contentOf(directory)).toMatchObject({ count: expected, last: expected });
        expect((await readdir(restored.path)).filter((name) => name.includes('.hozen-'))).toEqual([]);
      },
    );

    it('is reached from a dump as well: a new server is made of it, with its users', async () => {
      const directory = restored.join('from a dump');
      const restore = await stack.restoreEnded(
        await stack.request('restore.requested', { config: 'dump', directory, point: { latest: true } }),
        60_000,
      );
      expect(restore.error).toBeUndefined();
      expect(await contentOf(directory)).toEqual({ count: logged, last: logged, seen: logged, there: true });
      expect((await stat(directory)).uid).toBe((await stat(server.dataDir)).uid);
    });

    it('without a point the copy of the files is restored as it is, and a copy that is none is refused', async () => {
      const directory = join(restored.path, 'as it is');
      const restore = await stack.restoreEnded(
        await stack.request('restore.requested', { config: 'files', directory }),
        60_000,
      );
      expect(restore).toMatchObject({ state: 'completed', result: [{ name: 'shop', tables: 2 }] });
      const { count, last, seen: fired } = await contentOf(directory);
      expect([last, fired]).toEqual([count, count]);
      const request = { config: 'log', directory: restored.join('log') };
      const refused = await stack.post<RestorePlanView>('backup-worker', '/restores/plan', request);
      expect(refused.obstacles).toMatchObject([{ kind: 'wrong-method' }]);
    });

    it('beyond a gap is refused, and what can be reached is told', async () => {
      await sql('FLUSH BINARY LOGS', 'FLUSH BINARY LOGS');
      await using client = await connectMariadb(server.address());
      const kept = (await client.query<{ Log_name: string }>('SHOW BINARY LOGS')).at(-1)?.Log_name ?? '';
      // Not before the session that took the last log has ended there.
      await eventually(async () => {
        await client.query(`PURGE BINARY LOGS TO '${kept}'`);
        expect((await client.query('SHOW BINARY LOGS')).length).toBe(1);
      });
      await write(5);
      const [gtid] = await client.query<{ gtid: string }>('SELECT @@gtid_binlog_pos AS gtid');
      await backedUp('log');
      const request = { config: 'files', directory: restored.join('beyond'), point: gtid };
      const plan = await stack.post<RestorePlanView>('backup-worker', '/restores/plan', request);
      expect(plan.obstacles[0]).toMatchObject({ kind: 'point-uncovered' });
      expect(plan.obstacles[0]?.what).toContain(plan.recoverable?.[0]?.upTo);
    });
  },
);
