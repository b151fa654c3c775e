import { appendFile, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { FileStorageSpec, HozenError } from '@hozen/contracts';
import { connect, giveToServer, parseLsn, PrivatePostgres } from '@hozen/dbms';
import { logger } from '@hozen/telemetry';
import { eventually, tempDir, TestPostgres, type TempDir } from '@hozen/testkit';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { BackupSeries } from '../backup-series.fixture.js';
import { quietContext } from '../backup.fixture.js';
import { makeStartable } from '../restore/physical/make-startable.js';
import { restoreAndCompare } from '../verification/restore-and-compare.js';
import { contentsOf } from '../wal-archive/contents.js';
import { getFile } from '../wal-archive/get-file.js';
import { WalArchive } from '../wal-archive/wal-archive.js';
import { walNameOf } from '../wal-archive/wal-name.js';
import { receiveWal, type Receiving } from './receive-wal.js';

const SLOT = 'hozen_receiver_test';
const QUIET = logger('test');
QUIET.level = 'silent';

let server: TestPostgres;
let folder: TempDir;
let archive: WalArchive;

beforeEach(async () => {
  folder = await tempDir();
  server = await TestPostgres.start({ initdbArgs: ['--wal-segsize=1'] });
  archive = await anArchive();
});
afterEach(async () => {
  await server[Symbol.asyncDispose]();
  await folder[Symbol.asyncDispose]();
});

function anArchive(): Promise<WalArchive> {
  const walArchive = Object.assign(new FileStorageSpec(), { kind: 'file', path: folder.join('archive') });
  return WalArchive.of({ walArchive, compressionLevel: 1 });
}

interface Receiver {
  /** Stops it. @returns what it ended with */
  stop(): Promise<unknown>;
  ended: Promise<unknown>;
  /** Up to here the server was told that WAL is kept. */
  synced: () => bigint;
}

function receiver(change: Partial<Receiving> = {}): Receiver {
  const stop = new AbortController();
  let synced = 0n;
  const ended = receiveWal({
    address: server.address(),
    archive,
    slot: SLOT,
    folder: folder.join('receiving', '1'),
    showEveryMs: 50,
    ensureLease: () => undefined,
    signal: stop.signal,
    log: QUIET,
    onProgress: (until) => (synced = until),
    ...change,
  }).catch((error: unknown) => error);
  return {
    ended,
    synced: () => synced,
    stop: () => {
      stop.abort(new Error('stopped'));
      return ended;
    },
  };
}

async function sql<Row extends object>(text: string): Promise<Row[]> {
  await using client = await server.client();
  return (await client.query<Row>(text)).rows;
}

async function write(files: number): Promise<void> {
  for (let n = 0; n < files; n++) {
    await sql(`SELECT pg_logical_emit_message(false, 'hozen', repeat('x', 2000)), pg_switch_wal()`);
  }
}

async function endOfWal(): Promise<bigint> {
  const [row] = await sql<{ lsn: string }>('SELECT pg_current_wal_flush_lsn()::text AS lsn');
  return parseLsn(row?.lsn ?? '');
}

async function caughtUp(receiving: Receiver): Promise<void> {
  const end = await endOfWal();
  await eventually(() => expect(receiving.synced()).toBeGreaterThanOrEqual(end));
}

/** Every archived segment is what the server has under this name, and none is missing. */
async function expectWhole(least: number): Promise<void> {
  const { stretches, gaps } = await contentsOf(archive);
  expect(gaps).toEqual([]);
  expect(stretches).toHaveLength(1);
  expect(stretches[0]?.segments).toBeGreaterThanOrEqual(least);
  const there = await readdir(join(server.dataDir, 'pg_wal'));
  for await (const name of archive.names()) {
    if (name.kind !== 'segment' || !there.includes(name.name)) continue;
    expect(await archive.get(name)).toEqual(await readFile(join(server.dataDir, 'pg_wal', name.name)));
  }
}

describe('a receiver of WAL', () => {
  it('puts whole files into the archive as the server has them, and shows what grows', async () => {
    const receiving = receiver();
    await eventually(() => sql(`SELECT 1 / (SELECT count(*) FROM pg_stat_replication)`));
    await write(5);
    await sql('CREATE TABLE late (i int)');
    const [row] = await sql<{ file: string }>('SELECT pg_walfile_name(pg_current_wal_lsn()) AS file');
    const file = row?.file ?? '';
    await eventually(async () => {
      const shown = await archive.shown(file);
      expect(shown).toHaveLength(1 << 20);
      const its = await readFile(join(server.dataDir, 'pg_wal', file));
      const end = Number((await endOfWal()) % BigInt(1 << 20));
      expect(shown?.subarray(0, end)).toEqual(its.subarray(0, end));
    });
    await caughtUp(receiving);
    expect(await receiving.stop()).toMatchObject({ message: 'stopped' });
    const { growing } = await contentsOf(archive);
    expect(growing).toMatchObject([{ name: file }]);
    expect(parseLsn(growing[0]?.toLsn ?? '')).toBeGreaterThanOrEqual((await endOfWal()) - 8192n);
    await expectWhole(5);
  });

  it('goes on where it stopped, also on another machine, whatever was written meanwhile', async () => {
    const first = receiver();
    await eventually(() => sql(`SELECT 1 / (SELECT count(*) FROM pg_stat_replication)`));
    await write(3);
    await caughtUp(first);
    await first.stop();
    await write(4);
    await sql('CHECKPOINT');
    const second = receiver({ folder: folder.join('elsewhere', '2') });
    await write(2);
    await caughtUp(second);
    await second.stop();
    await expectWhole(9);
  });

  it('never has the server let a file go that the archive does not have', async () => {
    const full = await anArchive();
    vi.spyOn(full, 'push').mockRejectedValue(new HozenError('DISK_FULL', { path: '/nowhere' }));
    const failing = receiver({ archive: full });
    await eventually(() => sql(`SELECT 1 / (SELECT count(*) FROM pg_stat_replication)`));
    await write(4);
    await sql('CHECKPOINT');
    expect(await failing.ended).toMatchObject({ code: 'DISK_FULL' });
    const receiving = receiver();
    await eventually(() => sql(`SELECT 1 / (SELECT count(*) FROM pg_stat_replication)`));
    await caughtUp(receiving);
    await receiving.stop();
    await expectWhole(4);
  });

  it('takes the slot over from one that does not let go of it', async () => {
    const first = receiver();
    await eventually(() => sql(`SELECT 1 / (SELECT count(*) FROM pg_stat_replication)`));
    const second = receiver({ folder: folder.join('elsewhere', '2') });
    expect(await first.ended).toBeInstanceOf(HozenError);
    await write(3);
    await caughtUp(second);
    await second.stop();
    await expectWhole(3);
  });

  it('does not write into the archive of another cluster', async () => {
    await using other = await TestPostgres.start({ initdbArgs: ['--wal-segsize=1'] });
    const receiving = receiver();
    await eventually(() => sql(`SELECT 1 / (SELECT count(*) FROM pg_stat_replication)`));
    await write(2);
    await caughtUp(receiving);
    await eventually(async () => expect(await archive.systemIdentifier()).toBeDefined());
    await receiving.stop();
    expect(await receiver({ address: other.address() }).ended).toMatchObject({ code: 'WAL_FOREIGN' });
  });

  it('goes over to a new timeline with its history', async () => {
    const receiving = receiver();
    await eventually(() => sql(`SELECT 1 / (SELECT count(*) FROM pg_stat_replication)`));
    await write(2);
    await caughtUp(receiving);
    await receiving.stop();
    await server.stop('fast');
    await writeFile(join(server.dataDir, 'standby.signal'), '');
    await giveToServer(join(server.dataDir, 'standby.signal'));
    await server.restart('fast');
    const again = receiver();
    await eventually(() => sql(`SELECT 1 / (SELECT count(*) FROM pg_stat_replication)`));
    await sql('SELECT pg_promote()');
    await write(3);
    await caughtUp(again);
    await again.stop();
    const names: string[] = [];
    for await (const { name } of archive.names()) names.push(name);
    expect(names).toContain('00000002.history');
    expect(names.filter((name) => name.startsWith('00000002') && walNameOf(name)?.kind === 'segment')).not.toEqual([]);
  });

  it('as a synchronous standby keeps every commit that was acknowledged, though the server is lost whole', async () => {
    const copy = await new BackupSeries(server.address(), folder.join('copies')).make('full');
    await sql('CREATE TABLE ticks (n int)');
    const receiving = receiver();
    await eventually(() => sql(`SELECT 1 / (SELECT count(*) FROM pg_stat_replication)`));
    await sql(`ALTER SYSTEM SET synchronous_standby_names = '${SLOT}'`);
    await sql('SELECT pg_reload_conf()');
    await eventually(async () => {
      expect(await sql('SELECT sync_state FROM pg_stat_replication')).toEqual([{ sync_state: 'sync' }]);
    });
    let acknowledged = 0;
    {
      await using client = await server.client();
      for (let n = 1; n <= 300; n++) {
        await client.query('INSERT INTO ticks VALUES ($1)', [n]);
        acknowledged = n;
        if (n % 50 === 0) await client.query('SELECT pg_switch_wal()');
      }
    }
    await server.stop('immediate');
    await rm(join(server.dataDir, 'pg_wal'), { recursive: true });
    expect(await receiving.ended).toBeInstanceOf(HozenError);
    const directory = folder.join('restored');
    await mkdir(directory, { mode: 0o700 });
    await restoreAndCompare([copy.artefact], directory, quietContext());
    await makeStartable(directory);
    // What `hozen wal get` does, beforehand.
    const wal = folder.join('wal');
    await mkdir(wal);
    for await (const { name, kind } of archive.names()) {
      const file = kind === 'live' ? basename(name, '.live') : name;
      const content = await getFile(archive, file, 0);
      if (content) await writeFile(join(wal, file), content);
    }
    const settings = [`restore_command = 'cp ${wal}/%f %p'`, `synchronous_standby_names = ''`];
    await appendFile(join(directory, 'postgresql.auto.conf'), `${settings.join('\n')}\n`);
    await writeFile(join(directory, 'recovery.signal'), '');
    await giveToServer(directory);
    await giveToServer(wal);
    await using restored = await PrivatePostgres.start({ dataDir: directory });
    await using client = await connect(restored.address(), { applicationName: 'hozen test' });
    await eventually(async () => {
      expect((await client.query('SELECT pg_is_in_recovery() AS on')).rows).toEqual([{ on: false }]);
    });
    const { rows } = await client.query('SELECT count(*)::int AS count, max(n) AS last FROM ticks');
    expect(rows).toEqual([{ count: acknowledged, last: acknowledged }]);
  }, 60_000);
});
