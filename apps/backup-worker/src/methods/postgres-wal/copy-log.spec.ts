import { access, chmod, mkdir, open, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { FileStorageSpec } from '@hozen/contracts';
import { connect, formatLsn, giveToServer, parseLsn } from '@hozen/dbms';
import { eventually, tempDir, TestPostgres, type TempDir } from '@hozen/testkit';
import { afterAll, beforeAll, beforeEach, afterEach, describe, expect, it } from 'vitest';
import { BackupSeries, type MadeBackup } from '../../backup-series.fixture.js';
import { quietContext } from '../../backup.fixture.js';
import type { ManifestWal } from '../../artefact/manifest.js';
import { checkArtefact } from '../../verification/check-artefact.js';
import { WalArchive } from '../../wal-archive/wal-archive.js';
import { startOfSegment } from '../../wal-archive/wal-name.js';
import { proveLog } from '../../verification/prove-log.js';
import { checkLogTarget } from './check-target.js';
import { logSlotName } from './log-slot.js';

describe('a log of a server', () => {
  let server: TestPostgres;
  let folder: TempDir;

  beforeAll(async () => {
    server = await TestPostgres.start();
  });
  afterAll(() => server[Symbol.asyncDispose]());
  beforeEach(async () => {
    folder = await tempDir();
  });
  afterEach(() => folder[Symbol.asyncDispose]());

  const logsOf = (of = server) => new BackupSeries(of.address(), folder.path, () => undefined, 'postgres-wal');

  it('goes on where the one before ends, and holds every record between', async () => {
    const logs = logsOf();
    const first = await proven(await logs.make('transaction_log'));
    expect(first.follows).toBeUndefined();
    expect(first.gap).toBeUndefined();
    await sql(
      server,
      'CREATE TABLE grows AS SELECT i, repeat(md5(i::text), 20) AS filler FROM generate_series(1, 60000) i',
    );
    const made = await logs.make('transaction_log');
    const second = await proven(made);
    expect(second.follows).toBeDefined();
    expect(startOf(second)).toBeLessThanOrEqual(parseLsn(first.wholeUntilLsn));
    expect(second.records).toBeGreaterThan(60_000);
    expect(made.artefact.originalBytes).toBeGreaterThan(40e6);
    const third = await proven(await logs.make('transaction_log'));
    expect(startOf(third)).toBeLessThanOrEqual(parseLsn(second.wholeUntilLsn));
    expect(third.records).toBeLessThan(1000);
  });

  it('is expected to be as large as what is new, although the slot holds the one before as well', async () => {
    const logs = logsOf();
    await logs.make('transaction_log');
    await sql(server, 'CREATE TABLE grows_again AS SELECT repeat(md5(i::text), 20) FROM generate_series(1, 60000) i');
    const { job, artefact } = await logs.make('transaction_log');
    expect(artefact.originalBytes).toBeGreaterThan(40e6);
    const newest = { runId: job.runId, path: artefact.path, chain: 1 };
    const context = quietContext({ lineage: { ...quietContext().lineage, newest: () => Promise.resolve(newest) } });
    expect((await checkLogTarget(job, context)).bytes).toBeLessThan(20e6);
    expect((await checkLogTarget(job, quietContext())).bytes).toBeGreaterThan(40e6);
  });

  it('knows when its last transaction ended, and the names that places were given', async () => {
    const logs = logsOf();
    await logs.make('transaction_log');
    await sql(server, 'CREATE TABLE once (id int)');
    await using client = await connect(server.address(), { applicationName: 'hozen test' });
    const { rows } = await client.query<{ at: Date; lsn: string }>(
      `SELECT pg_create_restore_point('before the 移行')::text AS lsn, clock_timestamp() AS at`,
    );
    await sql(server, 'INSERT INTO once VALUES (1)');
    const wal = await proven(await logs.make('transaction_log'));
    expect(wal.restorePoints).toMatchObject([{ name: 'before the 移行', lsn: rows[0]?.lsn }]);
    const last = Date.parse(wal.lastTransactionAt ?? '');
    expect(last).toBeGreaterThanOrEqual((rows[0]?.at.getTime() ?? 0) - 1);
    expect(last).toBeLessThanOrEqual(Date.parse(wal.upTo));
  });

  it('knows the folders of tablespaces that are created in it', async () => {
    const logs = logsOf();
    await logs.make('transaction_log');
    const space = folder.join('space');
    await mkdir(space);
    await chmod(folder.path, 0o755);
    await giveToServer(space);
    await sql(server, `CREATE TABLESPACE somewhere LOCATION '${space}'`);
    expect((await proven(await logs.make('transaction_log'))).tablespaces).toEqual([space]);
    await sql(server, 'DROP TABLESPACE somewhere');
  });

  it('reads on after a segment that was left early', async () => {
    const logs = logsOf();
    await logs.make('transaction_log');
    await sql(server, 'SELECT pg_switch_wal()');
    await sql(server, 'CREATE TABLE after_switch (id int)');
    await proven(await logs.make('transaction_log'));
    await sql(server, 'SELECT pg_switch_wal()');
    await proven(await logs.make('transaction_log'));
  });

  it('reads on after a crash of the server', async () => {
    await using other = await TestPostgres.start();
    const logs = logsOf(other);
    await logs.make('transaction_log');
    await sql(other, 'CREATE TABLE lost AS SELECT i FROM generate_series(1, 20000) i');
    await other.restart('immediate');
    await sql(other, 'CREATE TABLE kept AS SELECT i FROM generate_series(1, 20000) i');
    const wal = await proven(await logs.make('transaction_log'));
    expect(wal.gap).toBeUndefined();
    expect(wal.follows).toBeDefined();
  });

  it('says what is missing when the server has let WAL go', async () => {
    await using other = await TestPostgres.start({ settings: { max_wal_size: '32MB', min_wal_size: '32MB' } });
    const logs = logsOf(other);
    const before = await logs.make('transaction_log');
    const first = await proven(before);
    await sql(other, `SELECT pg_drop_replication_slot('${logSlotName(before.job)}')`);
    for (let i = 0; i < 6; i++) {
      await sql(other, 'CREATE TABLE IF NOT EXISTS t (i int); INSERT INTO t SELECT generate_series(1, 1000)');
      await sql(other, 'SELECT pg_switch_wal()');
      await sql(other, 'CHECKPOINT');
    }
    const made = await logs.make('transaction_log');
    const second = await proven(made);
    expect(second.gap).toMatchObject({ fromLsn: first.wholeUntilLsn, from: first.upTo });
    expect(parseLsn(second.gap?.toLsn ?? '')).toBeGreaterThan(parseLsn(first.wholeUntilLsn));
    expect(made.artefact.manifest.warnings).toContainEqual(expect.stringContaining('gap'));
    expect(second.follows).toBeUndefined();
    const third = await proven(await logs.make('transaction_log'));
    expect(third.gap).toBeUndefined();
    expect(third.follows).toBeDefined();
  });

  describe('with an archive', () => {
    let other: TestPostgres;
    beforeEach(async () => {
      const archive_command = 'mkdir -p kept && cp %p kept/%f.part && mv kept/%f.part kept/%f';
      other = await TestPostgres.start({
        initdbArgs: ['--wal-segsize=1'],
        settings: { max_wal_size: '2MB', min_wal_size: '2MB', archive_mode: 'on', archive_command },
      });
    });
    afterEach(() => other[Symbol.asyncDispose]());

    const walArchive = () => Object.assign(new FileStorageSpec(), { kind: 'file', path: folder.join('wal-archive') });
    const archivingLogs = () =>
      new BackupSeries(
        other.address(),
        folder.path,
        (job) => Object.assign(job.config, { walArchive: walArchive() }),
        'postgres-wal',
      );

    /** A file that the server has archived: it may be gone from its own folder at any time. */
    async function archived(name: string): Promise<string> {
      const path = join(other.dataDir, 'kept', name);
      await eventually(() => access(path));
      return path;
    }

    /** Archives what is written and, like the server, forgets it: all but the last file. @returns names of files */
    async function writtenAndGone(slot: string, files: number, leftOut: number[] = []): Promise<string[]> {
      await using client = await other.client();
      await client.query(`SELECT pg_drop_replication_slot($1)`, [slot]);
      const archive = await WalArchive.of({ walArchive: walArchive(), compressionLevel: 1 });
      const names: string[] = [];
      for (let n = 0; n < files; n++) {
        await client.query('INSERT INTO ticks VALUES ($1)', [n]);
        const { rows } = await client.query<{ file: string }>('SELECT pg_walfile_name(pg_switch_wal()) AS file');
        const name = rows[0]?.file ?? '';
        if (!leftOut.includes(n)) await archive.push(await archived(name));
        names.push(name);
      }
      for (let n = 0; n < 3; n++) await client.query('CHECKPOINT');
      await eventually(async () => {
        await client.query('CHECKPOINT');
        const there = await readdir(join(other.dataDir, 'pg_wal'));
        expect(there.filter((name) => names.slice(0, -2).includes(name))).toEqual([]);
      });
      return names;
    }

    it('goes on through WAL that the server has let go', async () => {
      await sql(other, 'CREATE TABLE ticks (n int)');
      const logs = archivingLogs();
      const before = await logs.make('transaction_log');
      const first = await proven(before);
      await writtenAndGone(logSlotName(before.job), 8);
      await sql(other, 'INSERT INTO ticks VALUES (100)');
      const made = await logs.make('transaction_log');
      const second = await proven(made);
      expect(second.gap).toBeUndefined();
      expect(second.follows).toEqual({ runId: before.job.runId });
      expect(startOf(second)).toBeLessThanOrEqual(parseLsn(first.wholeUntilLsn));
      expect(made.artefact.manifest.warnings).toContainEqual(expect.stringContaining('taken from its archive'));
      const third = await proven(await logs.make('transaction_log'));
      expect(third.gap).toBeUndefined();
      expect(third.follows).toEqual({ runId: made.job.runId });
    });

    it('warns when the archive does not have what the server believes to be there', async () => {
      const logs = archivingLogs();
      // With nothing written since, it would be the file before, which may have been archived.
      await sql(other, `SELECT pg_logical_emit_message(true, 'test', 'something')`);
      const [row] = await rowsOf<{ file: string }>(other, 'SELECT pg_walfile_name(pg_switch_wal()) AS file');
      await eventually(async () => {
        const found = await rowsOf(other, 'SELECT last_archived_wal AS file FROM pg_stat_archiver');
        expect(found).toEqual([row]);
      });
      const { artefact } = await logs.make('transaction_log');
      const told = `The server believes that ${row?.file} is archived`;
      expect(artefact.manifest.warnings).toContainEqual(expect.stringContaining(told));
      const archive = await WalArchive.of({ walArchive: walArchive(), compressionLevel: 1 });
      await archive.push(await archived(row?.file ?? ''));
      const again = await logs.make('transaction_log');
      expect(again.artefact.manifest.warnings).not.toContainEqual(expect.stringContaining(told));
    });

    it('ends where the archive ends, when the server has nothing that follows, and tells of the gap next time', async () => {
      await sql(other, 'CREATE TABLE ticks (n int)');
      const logs = archivingLogs();
      const before = await logs.make('transaction_log');
      const names = await writtenAndGone(logSlotName(before.job), 8, [4]);
      const second = await proven(await logs.make('transaction_log'));
      expect(second.gap).toBeUndefined();
      expect(second.ranges.at(-1)?.endLsn).toBe(formatLsn(startOfSegment(names[4] ?? '', 1 << 20)));
      const third = await proven(await logs.make('transaction_log'));
      expect(third.gap).toMatchObject({ fromLsn: second.wholeUntilLsn });
    });
  });

  it('ends at a new timeline whose beginning the server has let go, and tells of the gap next time', async () => {
    await using other = await TestPostgres.start({ settings: { wal_keep_size: '1GB' } });
    const logs = logsOf(other);
    const before = await logs.make('transaction_log');
    const first = await proven(before);
    await sql(
      other,
      'CREATE TABLE last_of_the_old AS SELECT i, repeat(md5(i::text), 16) AS x FROM generate_series(1, 60000) i',
    );
    await promoted(other);
    await sql(other, `SELECT pg_drop_replication_slot('${logSlotName(before.job)}')`);
    for (let i = 0; i < 3; i++) {
      await sql(other, 'CREATE TABLE IF NOT EXISTS t (i int); INSERT INTO t SELECT generate_series(1, 1000)');
      await sql(other, 'SELECT pg_switch_wal()');
      await sql(other, 'CHECKPOINT');
    }
    // The old timeline's files are still there, the new one's first is not: as after a failover without its archive.
    const folderOfWal = join(other.dataDir, 'pg_wal');
    const files = (await readdir(folderOfWal)).filter((name) => name.startsWith('00000002')).toSorted();
    for (const name of files.filter((each) => /^[0-9A-F]{24}$/.test(each)).slice(0, 1)) {
      await rm(join(folderOfWal, name));
    }
    const second = await proven(await logs.make('transaction_log'));
    expect(second.gap).toBeUndefined();
    expect(second.ranges.map(({ timeline }) => timeline)).toEqual([1]);
    expect(second.records).toBeGreaterThan(10_000);
    expect(second.upTo >= first.upTo).toBe(true);
    const third = await proven(await logs.make('transaction_log'));
    expect(third.gap).toMatchObject({ fromLsn: second.wholeUntilLsn });
    expect(third.ranges.map(({ timeline }) => timeline)).toEqual([2]);
    const fourth = await proven(await logs.make('transaction_log'));
    expect(fourth.gap).toBeUndefined();
    expect(fourth.follows).toBeDefined();
  });

  it('does not take the WAL of another cluster for its own', async () => {
    await using other = await TestPostgres.start();
    let address = server.address();
    const logs = new BackupSeries(
      address,
      folder.path,
      (job) => Object.assign(job.target, hostOf(address)),
      'postgres-wal',
    );
    await logs.make('transaction_log');
    address = other.address();
    process.env[`HOZEN_TEST_PASSWORD_${other.port}`] = other.password;
    const wal = await proven(await logs.make('transaction_log'));
    expect(wal.gap?.reason).toContain('another cluster');
  });

  it('is found out when a bit of it has changed', async () => {
    const logs = logsOf();
    const { job, artefact } = await logs.make('transaction_log');
    await using file = await open(artefact.path, 'r+');
    await file.write(Buffer.from([0xff, 0x00, 0xff]), 0, 3, Math.floor(artefact.bytes / 3));
    await expect(checkArtefact(job, artefact, quietContext())).rejects.toMatchObject({ code: 'ARTEFACT_CORRUPT' });
  });
});

async function proven({ job, artefact }: MadeBackup): Promise<ManifestWal> {
  await checkArtefact(job, artefact, quietContext());
  await proveLog(job, artefact, quietContext());
  const { wal } = artefact.manifest;
  if (!wal) throw new Error('it is no log');
  return wal;
}

function startOf(wal: ManifestWal): bigint {
  return parseLsn(wal.ranges[0]?.startLsn ?? '');
}

function hostOf({ port }: { port: number }): object {
  return { port, password: `env:HOZEN_TEST_PASSWORD_${port}` };
}

/** The server goes over to a new timeline. */
async function promoted(server: TestPostgres): Promise<void> {
  await server.stop('fast');
  await writeFile(join(server.dataDir, 'standby.signal'), '');
  await giveToServer(join(server.dataDir, 'standby.signal'));
  await server.restart('fast');
  await sql(server, 'SELECT pg_promote()');
}

async function sql(server: TestPostgres, text: string): Promise<void> {
  await using client = await connect(server.address(), { applicationName: 'hozen test' });
  await client.query(text);
}

async function rowsOf<Row extends object>(server: TestPostgres, text: string): Promise<Row[]> {
  await using client = await server.client();
  return (await client.query<Row>(text)).rows;
}
