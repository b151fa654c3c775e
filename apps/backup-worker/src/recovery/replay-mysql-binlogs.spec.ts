import { execFile } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { mkdir, readdir } from 'node:fs/promises';
import { basename } from 'node:path';
import { promisify } from 'node:util';
import type { BackupMethod, RecoveryPoint } from '@hozen/contracts';
import { connectMariadb, findMariadbTool, OptionFile, PrivateMariadb } from '@hozen/dbms';
import { eventually, tempDir, type TempDir } from '@hozen/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { backUp, quietContext } from '../backup.fixture.js';
import { mariadbJob } from '../methods/mariadb-logical/mariadb.fixture.js';
import { hasMysql, MYSQL, WITHOUT_MYSQL } from '../methods/mariadb-logical/mysql.fixture.js';
import { restoreDumpIntoDirectory } from '../restore/mariadb-dump-directory.js';
import { ownUserName } from '../restore/own-user.js';
import type { CommittedArtefact } from '../storage/committed-artefact.js';
import { proveBinlog } from '../verification/prove-binlog.js';
import { replayBinlogs } from './replay-binlogs.js';

const run = promisify(execFile);

describe.skipIf(!hasMysql)(`binary logs of a MySQL server (${WITHOUT_MYSQL})`, { timeout: 90_000 }, () => {
  let folder: TempDir;
  let server: PrivateMariadb;
  let dump: CommittedArtefact;
  let log: CommittedArtefact;
  /** Between the second row and the third. */
  let between: { position: string; time: string };
  let made = 0;

  beforeAll(async () => {
    folder = await tempDir();
    const settings = { 'log-bin': 'bin', 'gtid-mode': 'ON', 'enforce-gtid-consistency': 'ON' };
    server = await PrivateMariadb.start({ kind: MYSQL, dataDir: folder.join('one'), settings });
    const password = `'se"cr\\\\et #1'`;
    await sql(`CREATE USER backup@localhost IDENTIFIED BY ${password}`, 'GRANT ALL ON *.* TO backup@localhost');
    await sql('CREATE DATABASE shop', 'CREATE TABLE shop.ticks (n INT PRIMARY KEY)');
    dump = await artefactOf('mariadb-logical');
    await sql(
      'INSERT INTO shop.ticks VALUES (1)',
      'CREATE ROLE clerks',
      `CREATE USER later@localhost IDENTIFIED BY 'x'`,
    );
    await sql('GRANT clerks TO later@localhost', 'INSERT INTO shop.ticks VALUES (2)');
    between = await pointNow();
    await sql('INSERT INTO shop.ticks VALUES (3)');
    log = await artefactOf('mariadb-binlog');
  }, 90_000);
  afterAll(async () => {
    await server?.[Symbol.asyncDispose]();
    await folder?.[Symbol.asyncDispose]();
  });

  async function sql(...statements: string[]): Promise<void> {
    await using client = await connectMariadb(server.address());
    for (const statement of statements) await client.query(statement);
  }

  /** The next second has begun when it returns: a log knows no less. */
  async function pointNow(): Promise<{ position: string; time: string }> {
    await using client = await connectMariadb(server.address());
    const [status] = await client.query<{ File: string; Position: string }>('SHOW BINARY LOG STATUS');
    const [second] = await client.query<{ next: string }>('SELECT unix_timestamp() + 1 AS next');
    const next = Number(second?.next);
    await eventually(async () => {
      const [now] = await client.query<{ at: string }>('SELECT unix_timestamp() AS at');
      expect(Number(now?.at)).toBeGreaterThanOrEqual(next);
    });
    return { position: `${status?.File}:${status?.Position}`, time: new Date(next * 1000).toISOString() };
  }

  async function artefactOf(method: BackupMethod, newest?: CommittedArtefact): Promise<CommittedArtefact> {
    const job = mariadbJob(server, folder.path);
    const level = method === 'mariadb-binlog' ? 'transaction_log' : 'full';
    Object.assign(job.config, { method, compression: 'none' });
    mkdirSync(job.spoolDir, { recursive: true, mode: 0o711 });
    const before = newest && { runId: newest.manifest.runId, path: newest.path, chain: 1 };
    const lineage = {
      newest: () => Promise.resolve(before),
      copyWithoutLog: () => Promise.resolve(undefined),
      choose: () => Promise.resolve(),
    };
    const startedAt = new Date(Date.UTC(2026, 0, 2, made++));
    const artefact = await backUp({ ...job, runId: crypto.randomUUID(), level, startedAt }, quietContext({ lineage }));
    if (method === 'mariadb-binlog') await proveBinlog(job, artefact, quietContext());
    return artefact;
  }

  async function replayed(point: RecoveryPoint, logs = [log], artefact = dump) {
    const [scratch, directory] = [folder.join(`scratch-${made++}`), folder.join(`restored-${made++}`)];
    await mkdir(scratch, { mode: 0o711 });
    const context = quietContext();
    const logFile = `${scratch}/server.log`;
    await restoreDumpIntoDirectory({
      artefact,
      directory,
      logFile,
      user: ownUserName(crypto.randomUUID()),
      ...context,
    });
    const reached = await replayBinlogs({ directory, copy: artefact, logs, point, scratch, ...context });
    await using restored = await PrivateMariadb.start({
      kind: MYSQL,
      dataDir: directory,
      settings: { 'skip-grant-tables': 1 },
    });
    await using client = await connectMariadb(restored.address());
    const rows = await client.query<{ n: number }>('SELECT n FROM shop.ticks ORDER BY n');
    const users = await client.query<{ name: string }>(
      `SELECT concat(User, '@', Host) AS name FROM mysql.user ORDER BY 1`,
    );
    return { rows: rows.map(({ n }) => n), users: users.map(({ name }) => name), reached };
  }

  it('bring a server that is made of a dump to the end, with its users and nobody else', async () => {
    const { rows, users, reached } = await replayed({ latest: true });
    expect(rows).toEqual([1, 2, 3]);
    await using client = await connectMariadb(server.address());
    const original = await client.query<{ name: string }>(
      `SELECT concat(User, '@', Host) AS name FROM mysql.user ORDER BY 1`,
    );
    expect(users).toEqual(original.map(({ name }) => name));
    expect(reached).not.toHaveProperty('gtids');
  });

  it('bring it to a place, and to a moment', async () => {
    const { position, time } = between;
    const [toPlace, toMoment] = [await replayed({ position }), await replayed({ time })];
    expect(toPlace).toMatchObject({ rows: [1, 2], reached: { position } });
    expect(toMoment).toMatchObject({ rows: [1, 2], reached: { position } });
    expect(toPlace.users).toContain('later@localhost');
  });

  it('bring it forward by hand, as README.txt in the log says', async () => {
    const into = folder.join('by-hand');
    await run('sh', ['-c', 'tar -xOf "$1" --occurrence=1 restore.sh > "$2"', 'sh', log.path, folder.join('log.sh')]);
    await run('sh', [folder.join('log.sh'), into, log.path]);
    const { stdout: readme } = await run('tar', ['-xOf', log.path, 'README.txt']);
    expect(readme).toContain('mysqlbinlog --skip-gtids --start-position=POSITION');
    await using other = await PrivateMariadb.start({ kind: MYSQL, dataDir: folder.join('other') });
    await using client = await connectMariadb(other.address());
    await client.query('CREATE DATABASE shop');
    await client.query('CREATE TABLE shop.ticks (n INT PRIMARY KEY)');
    await using options = await OptionFile.write(other.address());
    const [reader, program] = await Promise.all([findMariadbTool('binlog', MYSQL), findMariadbTool('client', MYSQL)]);
    const { file = '', position = 0 } = dump.manifest.mariadb?.binlog ?? {};
    const all = (await readdir(into)).toSorted();
    const files = all.slice(all.indexOf(file)).map((name) => `${into}/${name}`);
    const pipe =
      'reader=$1 client=$2 options=$3 position=$4; shift 4; "$reader" --no-defaults --skip-gtids --start-position="$position" "$@" | "$client" "$options" --binary-mode';
    await run('sh', ['-c', pipe, 'sh', reader.path, program.path, options.argument, String(position), ...files]);
    expect(await client.query('SELECT n FROM shop.ticks ORDER BY n')).toEqual([{ n: 1 }, { n: 2 }, { n: 3 }]);
  });

  it('follow one another, and say what is missing when the server has let files go, or was reset', async () => {
    await sql('INSERT INTO shop.ticks VALUES (4)');
    const next = await artefactOf('mariadb-binlog', log);
    expect(next.manifest.mariadb?.binlogs).toMatchObject({ follows: log.manifest.runId, files: 1 });
    expect(next.manifest.mariadb?.binlogs?.gap).toBeUndefined();
    expect((await replayed({ latest: true }, [log, next])).rows).toEqual([1, 2, 3, 4]);
    await sql('FLUSH BINARY LOGS', 'FLUSH BINARY LOGS');
    await using client = await connectMariadb(server.address());
    const kept = (await client.query<{ Log_name: string }>('SHOW BINARY LOGS')).at(-1)?.Log_name ?? '';
    // Not before the session that took the last log has ended there.
    await eventually(async () => {
      await sql(`PURGE BINARY LOGS TO '${kept}'`);
      expect((await client.query('SHOW BINARY LOGS')).length).toBe(1);
    });
    const apart = await artefactOf('mariadb-binlog', next);
    expect(apart.manifest.mariadb?.binlogs?.gap).toMatchObject({ toFile: kept });
    await sql('RESET BINARY LOGS AND GTIDS');
    const reset = await artefactOf('mariadb-binlog', apart);
    expect(reset.manifest.mariadb?.binlogs?.gap?.reason).toContain('reset');
  });

  it.each([
    [
      'names a table with a line feed',
      [
        'CREATE TABLE shop.`a\nINSERT INTO shop.ticks VALUES (666)/*!*/;\nb` (n INT)',
        'INSERT INTO shop.`a\nINSERT INTO shop.ticks VALUES (666)/*!*/;\nb` VALUES (1)',
      ],
      'line feed',
    ],
    [
      'is compressed',
      ['SET SESSION binlog_transaction_compression = ON', `INSERT INTO shop.ticks SELECT n + 100 FROM shop.ticks`],
      'compressed',
    ],
  ])('are replayed up to the first transaction that %s', async (_what, statements, told) => {
    const from = await artefactOf('mariadb-logical');
    await sql('INSERT INTO shop.ticks VALUES (50)');
    const { position } = await pointNow();
    await sql(...statements);
    const logs = [await artefactOf('mariadb-binlog')];
    await expect(replayed({ latest: true }, logs, from)).rejects.toMatchObject({
      code: 'RECOVERY_FAILED',
      detail: expect.stringContaining(told) as string,
    });
    const { rows } = await replayed({ position }, logs, from);
    expect(rows).toContain(50);
    expect(rows).not.toContain(666);
    await sql('DELETE FROM shop.ticks WHERE n >= 50');
  });

  it('are taken with the rights that the guide names, and with no fewer', async () => {
    await sql(`CREATE USER least@localhost IDENTIFIED BY 'least'`);
    process.env['HOZEN_TEST_LEAST'] = 'least';
    const job = mariadbJob(server, folder.path, { user: 'least', password: 'env:HOZEN_TEST_LEAST' });
    Object.assign(job.config, { method: 'mariadb-binlog', compression: 'none' });
    mkdirSync(job.spoolDir, { recursive: true, mode: 0o711 });
    const attempt = () =>
      backUp({
        ...job,
        runId: crypto.randomUUID(),
        level: 'transaction_log',
        startedAt: new Date(Date.UTC(2026, 0, 2, made++)),
      });
    await expect(attempt()).rejects.toMatchObject({
      code: 'TARGET_RIGHTS_MISSING',
      detail: expect.stringContaining('RELOAD, REPLICATION CLIENT, REPLICATION SLAVE') as string,
    });
    await sql('GRANT RELOAD, REPLICATION CLIENT, REPLICATION SLAVE ON *.* TO least@localhost');
    expect(basename((await attempt()).path)).toContain('.tar');
  });
});
