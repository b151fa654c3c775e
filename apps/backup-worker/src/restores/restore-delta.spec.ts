import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { lstat, mkdir, open, readdir, readFile, readlink, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Identity } from '@hozen/access';
import {
  BackupConfiguration,
  HozenError,
  newEvent,
  requireValid,
  RestoreRequested,
  type RestorePlanView,
} from '@hozen/contracts';
import { findTools, giveToServer, PrivatePostgres } from '@hozen/dbms';
import { logger } from '@hozen/telemetry';
import { eventually, tempDir, TestPostgres, type TempDir } from '@hozen/testkit';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { BackupSeries } from '../backup-series.fixture.js';
import { applyConfiguration } from '../configs/apply-configuration.js';
import { contentOf } from '../methods/postgres-physical/physical.fixture.js';
import { DirectoryLock } from '../restore/delta/directory-lock.js';
import { BackupStore } from '../spec-support/backup-store.js';
import type { CommittedArtefact } from '../storage/committed-artefact.js';
import { acceptRestore } from './accept-restore.js';
import { approveRestore } from './ask-in-place.js';
import { findRestore, findRestoreRow } from './list-restores.js';
import { planRequest } from './plan-request.js';
import { DeltaDestination } from './restore-delta.js';

const ALICE: Identity = { name: 'alice', role: 'dba' };
const BOB: Identity = { name: 'bob', role: 'dba' };

let store: BackupStore;
let server: TestPostgres;
let folder: TempDir;
let full: CommittedArtefact;
let artefact: CommittedArtefact;
let runId: string;
/** What the backup holds, and what its server held when it was stopped later. */
let expected: Record<string, string>;
let later: Record<string, string>;
let place = 0;
let directory: string;

beforeAll(async () => {
  folder = await tempDir();
  [store, server] = await Promise.all([BackupStore.start(), TestPostgres.start({ initdbArgs: ['--data-checksums'] })]);
  for (const name of ['space', 'empty-space', 'later-space']) {
    await mkdir(folder.join(name));
    await giveToServer(folder.join(name));
  }
  await using client = await server.client();
  await client.query(`
    CREATE TABLE steady AS SELECT i AS id, repeat(md5(i::text), 8) AS text FROM generate_series(1, 40000) i;
    CREATE TABLE busy AS SELECT i AS id, 0 AS n, md5(i::text) AS text FROM generate_series(1, 60000) i;
    CREATE TABLE dropped AS SELECT i AS id FROM generate_series(1, 5000) i`);
  // Whoever reads it next changes nothing.
  await client.query('VACUUM (FREEZE) steady');
  await client.query(`CREATE TABLESPACE space LOCATION '${folder.join('space')}'`);
  await client.query(`CREATE TABLESPACE empty_space LOCATION '${folder.join('empty-space')}'`);
  await client.query('CREATE TABLE far TABLESPACE space AS SELECT i AS id FROM generate_series(1, 5000) i');
  const backups = new BackupSeries(server.address(), folder.path);
  ({ artefact: full } = await backups.make('full'));
  await client.query('UPDATE busy SET n = 1 WHERE id % 1000 = 0');
  ({ artefact } = await backups.make('incremental'));
  expected = await contentOf(server.address());
  await client.query(`
    UPDATE busy SET n = 2 WHERE id % 500 = 0;
    UPDATE far SET id = -id WHERE id < 9;
    INSERT INTO busy SELECT i, 3, 'new' FROM generate_series(1, 9000) i;
    DROP TABLE dropped;
    CREATE TABLE created AS SELECT i AS id FROM generate_series(1, 3000) i`);
  await client.query('CREATE DATABASE other');
  await client.query(`CREATE TABLESPACE later LOCATION '${folder.join('later-space')}'`);
  await client.query('CREATE TABLE far_later TABLESPACE later AS SELECT 1 AS id');
  await client.query('SELECT pg_switch_wal()');
  later = await contentOf(server.address());
  await client.end();
  await server.stop();
  const wanted = requireValid(BackupConfiguration, {
    targets: [{ name: 'shop', kind: 'postgres', host: 'shop.example.org' }],
    configs: [
      { name: 'files', target: 'shop', method: 'postgres-physical', storage: { kind: 'file', path: folder.path } },
    ],
  });
  await store.database.transaction((manager) => applyConfiguration(manager, wanted, false));
}, 120_000);
afterAll(async () => {
  await Promise.all([store, server].map((each) => each?.[Symbol.asyncDispose]()));
  await folder[Symbol.asyncDispose]();
});
beforeEach(async () => {
  await store.database.query('TRUNCATE restores, backup_artefacts, backup_runs, outbox CASCADE');
  await store.completed('files', full);
  runId = await store.completed('files', artefact);
  directory = await copyOfStopped();
});
afterEach(() => {
  delete process.env['HOZEN_FAILPOINTS'];
});

const restored = () => folder.join('restored');

/** The stopped server's directory with its tablespaces, at a place of its own. */
async function copyOfStopped(): Promise<string> {
  const path = join(restored(), `data-${place++}`);
  await mkdir(restored(), { recursive: true });
  execFileSync('cp', ['-a', server.dataDir, path]);
  for (const oid of await readdir(join(path, 'pg_tblspc'))) {
    const link = join(path, 'pg_tblspc', oid);
    const moved = `${path}.space-${oid}`;
    execFileSync('cp', ['-a', await readlink(link), moved]);
    await rm(link);
    await symlink(moved, link);
  }
  return path;
}

async function ask(change: object = {}): Promise<{ id: string; plan: RestorePlanView }> {
  const request = requireValid(RestoreRequested, {
    run: runId,
    directory,
    delta: true,
    requestedBy: 'alice',
    ...change,
  });
  const plan = await planRequest(store.database, request, [restored()]);
  const event = newEvent('restore.requested', request, { source: 'spec', id: randomUUID() });
  const reasons = await store.outbox.transaction((tx) => acceptRestore(tx, event, { plan, asker: ALICE }));
  expect(reasons).toEqual([]);
  await store.outbox.transaction(async (tx) =>
    approveRestore(tx, await findRestoreRow(tx.manager, event.id), plan.hash, BOB),
  );
  return { id: event.id, plan };
}

async function executed(id: string) {
  const row = await store.claimRestore();
  await store.executeRestore(row, folder.join('spool'), { restoreFolders: [restored()] });
  return findRestore(store.database, id);
}

async function delta(change: object = {}) {
  return executed((await ask(change)).id);
}

async function contentAt(path: string): Promise<Record<string, string>> {
  await using running = await PrivatePostgres.start({ dataDir: path });
  return await contentOf(running.address());
}

/** @returns what PostgreSQL says when it is started there as anybody would start it */
async function refusalAt(path: string): Promise<string> {
  const tools = await findTools(15);
  const owner = await lstat(path);
  const child = spawn(
    tools.path('pg_dump').replace('pg_dump', 'postgres'),
    ['-D', path, '-k', path, '-c', 'listen_addresses='],
    {
      uid: owner.uid,
      gid: owner.gid,
      cwd: '/',
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  );
  const said: Buffer[] = [];
  child.stderr.on('data', (bytes: Buffer) => said.push(bytes));
  const [code] = (await once(child, 'close')) as [number];
  expect(code).not.toBe(0);
  return Buffer.concat(said).toString();
}

describe('a restore of differences into a data directory that stands', () => {
  it('makes it what the backup holds, in its tablespaces too, and writes nothing where nothing differs', async () => {
    await writeFile(join(directory, 'server.key'), 'a secret of theirs');
    const steady = await modifiedOf('steady');
    const { plan, id } = await ask();
    expect(plan).toMatchObject({ obstacles: [], delta: { missing: expect.any(Number), removed: expect.any(Number) } });
    expect(plan.delta?.folders[0]).toBe(directory);
    expect(plan.delta?.folders).toHaveLength(3);
    const view = await executed(id);
    expect(view).toMatchObject({ state: 'completed', delta: true, approval: { by: 'bob' } });
    expect(view.warnings).toEqual([
      expect.stringContaining('does not archive'),
      expect.stringContaining('is not in the backup'),
    ]);
    expect(plan.warnings).toContainEqual(expect.stringContaining('does not archive'));
    const settings = await readFile(join(directory, 'postgresql.auto.conf'), 'utf8');
    expect(settings.match(/^archive_mode = .*$/gm)).toEqual(['archive_mode = off']);
    expect(await readdir(join(directory, 'pg_wal/archive_status'))).toContain('00000002.history.ready');
    expect(await modifiedOf('steady')).toBe(steady);
    expect(await readFile(join(directory, 'server.key'), 'utf8')).toBe('a secret of theirs');
    expect(await contentAt(directory)).toEqual(expected);
    expect(await readdir(join(directory, 'pg_tblspc'))).toHaveLength(2);
    expect((await readdir(join(directory, 'global'))).filter((name) => name.includes('hozen'))).toEqual([]);
  });

  it('is refused where nobody answers for one of its copies, until that is named', async () => {
    const here = await planRequest(store.database, { run: runId, directory, delta: true }, [restored()]);
    expect(here.policy).toEqual({
      trust: 'recorded',
      findings: [{ kind: 'copy', name: 'postgres-physical', where: 'shop', allowed: true }],
    });
    await store.database.query(`UPDATE backup_runs SET request_id = 'adopted:' || id WHERE id <> $1`, [runId]);
    const found = await planRequest(store.database, { run: runId, directory, delta: true }, [restored()]);
    expect(found.obstacles).toEqual([{ kind: 'not-allowed', what: 'copy:postgres-physical (shop)' }]);
    const { id, plan } = await ask({ allow: ['copy:*'] });
    expect(plan.obstacles).toEqual([]);
    expect(plan.hash).not.toBe(here.hash);
    expect(await executed(id)).toMatchObject({ state: 'completed', allow: ['copy:*'] });
    expect(await contentAt(directory)).toEqual(expected);
  });

  it('brings back what is damaged, missing, of another kind or beside it', async () => {
    const files = await readdir(join(directory, 'base/5'));
    const [first = '', second = '', third = ''] = files.filter((name) => /^\d+$/.test(name));
    await flip(join(directory, 'base/5', first));
    await rm(join(directory, 'base/5', second));
    await rm(join(directory, 'base/5', third));
    await mkdir(join(directory, 'base/5', third));
    await rm(join(directory, 'base/1'), { recursive: true });
    // Links that would lead elsewhere: what they lead to is not touched, and not taken for what should be here.
    const elsewhere = folder.join(`elsewhere-${place}`);
    execFileSync('cp', ['-a', join(directory, 'base/4'), elsewhere]);
    await rm(join(directory, 'base/4'), { recursive: true });
    await symlink(elsewhere, join(directory, 'base/4'));
    await flip(join(elsewhere, 'PG_VERSION'));
    const damaged = await readFile(join(elsewhere, 'PG_VERSION'));
    expect(await delta()).toMatchObject({ state: 'completed' });
    expect((await lstat(join(directory, 'base/4'))).isDirectory()).toBe(true);
    expect(await readFile(join(elsewhere, 'PG_VERSION'))).toEqual(damaged);
    expect(await contentAt(directory)).toEqual(expected);
  });

  it('makes an older copy what a newer backup holds, over and over', async () => {
    expect(await delta()).toMatchObject({ state: 'completed' });
    expect(await contentAt(directory)).toEqual(expected);
    // A server has run there, on a timeline of its own.
    await rm(join(directory, 'postmaster.pid'), { force: true });
    expect(await delta()).toMatchObject({ state: 'completed' });
    expect(await contentAt(directory)).toEqual(expected);
  });

  it.each(['restore.delta-begun', 'restore.delta-written', 'restore.delta-synced'])(
    'that fails at %s leaves a directory on which no server starts, and that the next restore makes whole',
    async (failing) => {
      process.env['HOZEN_FAILPOINTS'] = `${failing}=throw`;
      const failed = await delta();
      expect(failed).toMatchObject({ state: 'failed', error: { code: 'RESTORE_UNFINISHED' } });
      expect(await refusalAt(directory)).toContain('could not find the database system');
      // Each of the two guards counts for itself.
      const [control, before] = ['pg_control', 'pg_control.hozen-before'].map((name) =>
        join(directory, 'global', name),
      );
      await rename(before ?? '', control ?? '');
      expect(await refusalAt(directory)).toContain('bogus data in lock file');
      await rename(control ?? '', before ?? '');
      delete process.env['HOZEN_FAILPOINTS'];
      const { plan, id } = await ask();
      expect(plan.delta?.unfinished).toBe(failed.id);
      expect(await executed(id)).toMatchObject({ state: 'completed' });
      expect(await contentAt(directory)).toEqual(expected);
    },
  );

  it.each(['restore.control-placed', 'restore.unlocked'])(
    'whose worker ends at %s is told as completed by the next one, and a server that was started meanwhile goes on',
    async (ending) => {
      process.env['HOZEN_FAILPOINTS'] = `${ending}=throw`;
      const { id } = await ask();
      expect(await executed(id)).toMatchObject({ state: 'running' });
      delete process.env['HOZEN_FAILPOINTS'];
      await store.database.query('UPDATE restores SET lease_until = clock_timestamp()');
      if (ending === 'restore.control-placed') {
        expect(await refusalAt(directory)).toContain('bogus data in lock file');
        expect(await executed(id)).toMatchObject({ state: 'completed', attempt: 2 });
        expect(await contentAt(directory)).toEqual(expected);
      } else {
        await using running = await PrivatePostgres.start({ dataDir: directory });
        expect(await executed(id)).toMatchObject({ state: 'completed', attempt: 2 });
        expect(existsSync(join(directory, 'postmaster.pid'))).toBe(true);
        expect(await contentOf(running.address())).toEqual(expected);
      }
    },
  );

  it('that is cancelled after the first change says that the directory is half restored', async () => {
    const { id } = await ask();
    const row = await findRestoreRow(store.database.manager, id);
    const cancelled = new AbortController();
    const { database, outbox } = store;
    const log = logger('spec');
    const context = {
      database,
      outbox,
      log,
      spoolRoot: folder.join('spool'),
      restoreFolders: [restored()],
      shutdown: new AbortController().signal,
    };
    const restoring = new DeltaDestination({ ...row, directory }, context).restore({
      spoolDir: folder.join('spool'),
      signal: cancelled.signal,
      progress: ({ phase }) => phase === 'restoring' && cancelled.abort(new HozenError('CANCELLED')),
      ensureLease: () => undefined,
    });
    await expect(restoring).rejects.toMatchObject({ code: 'RESTORE_UNFINISHED' });
    expect(await refusalAt(directory)).toContain('could not find the database system');
  });

  it('whose backup cannot be read leaves everything as it was', async () => {
    const { id } = await ask();
    await using file = await open(artefact.path, 'r+');
    const { offset } = artefact.manifest.index;
    const byte = Buffer.alloc(1);
    await file.read(byte, 0, 1, offset + 40);
    await file.write(Buffer.from([(byte[0] ?? 0) ^ 0xff]), 0, 1, offset + 40);
    const view = await executed(id);
    await file.write(byte, 0, 1, offset + 40);
    expect(view).toMatchObject({ state: 'failed', error: { code: 'ARTEFACT_CORRUPT' } });
    expect(existsSync(join(directory, 'postmaster.pid'))).toBe(false);
    expect(await contentAt(directory)).toEqual(later);
  });

  it('is not done to a server that runs, to a directory of another cluster, to no data directory, or out of the way', async () => {
    const kinds = async (change: object = {}, folders = [restored()]) => {
      const request = { run: runId, directory, delta: true, ...change };
      return (await planRequest(store.database, request, folders)).obstacles.map(({ kind }) => kind);
    };
    expect(await kinds({}, ['/nowhere'])).toEqual(['directory-refused']);
    expect(await kinds({ directory: join(restored(), 'none') })).toEqual(['directory-foreign']);
    {
      await using running = await PrivatePostgres.start({ dataDir: directory });
      expect(running.pid).toBeDefined();
      expect(await kinds()).toEqual(['server-running']);
      // The file is gone, and the server is still there.
      const lock = await readFile(join(directory, 'postmaster.pid'));
      await rm(join(directory, 'postmaster.pid'));
      expect(await kinds()).toEqual(['server-running']);
      await writeFile(join(directory, 'postmaster.pid'), lock);
    }
    // A copy whose tablespaces are still those of a server that runs.
    const copy = await copyOfStopped();
    {
      await using running = await PrivatePostgres.start({ dataDir: directory });
      expect(running.pid).toBeDefined();
      const [oid = ''] = await readdir(join(copy, 'pg_tblspc'));
      await rm(join(copy, 'pg_tblspc', oid));
      await symlink(await readlink(join(directory, 'pg_tblspc', oid)), join(copy, 'pg_tblspc', oid));
      expect(await kinds({ directory: copy })).toEqual(['server-running']);
      await rm(join(copy, 'pg_tblspc', oid));
      await symlink(folder.join('space'), join(copy, 'pg_tblspc', oid));
      expect(await kinds({ directory: copy })).toEqual(['directory-refused']);
      await rm(join(copy, 'pg_tblspc', oid));
    }
    await using control = await open(join(copy, 'global/pg_control'), 'r+');
    await control.write(Buffer.from([7, 7, 7]), 0, 3, 0);
    expect(await kinds({ directory: copy })).toEqual(['other-cluster']);
  });

  it('does not begin when a server has run there since it was approved of', async () => {
    const { id } = await ask();
    expect(await contentAt(directory)).toEqual(later);
    expect(await executed(id)).toMatchObject({ state: 'failed', error: { code: 'PLAN_CHANGED' } });
    expect(await contentAt(directory)).toEqual(later);
  });

  it('waits for a worker that still has the directory, and is told from it by the kernel', async () => {
    const signal = new AbortController();
    const other = await DirectoryLock.take(directory, randomUUID(), signal.signal);
    const second = DirectoryLock.take(directory, randomUUID(), signal.signal);
    let has = false;
    void second.then(() => (has = true));
    // Longer than it waits between two tries.
    await new Promise((resolve) => setTimeout(resolve, 600));
    expect(has).toBe(false);
    await other[Symbol.asyncDispose]();
    await eventually(() => expect(has).toBe(true));
    await using lock = await second;
    await lock.release();
    expect(existsSync(join(directory, 'postmaster.pid'))).toBe(false);
  });

  it('is asked for through the API alone, into a directory, and to no moment', async () => {
    const event = newEvent(
      'restore.requested',
      { run: runId, directory, delta: true, point: { latest: true as const } },
      { source: 'spec', id: randomUUID() },
    );
    const reasons = await store.outbox.transaction((tx) => acceptRestore(tx, event));
    expect(reasons.map(({ field }) => field)).toEqual(['delta', 'point']);
  });
});

async function modifiedOf(table: string): Promise<number> {
  // Its file is the largest one of the database.
  const names = await readdir(join(directory, 'base/5'));
  const facts = await Promise.all(names.map((name) => lstat(join(directory, 'base/5', name))));
  expect(table).toBe('steady');
  return facts.reduce((largest, each) => (each.size > largest.size ? each : largest)).mtimeMs;
}

async function flip(path: string): Promise<void> {
  await using file = await open(path, 'r+');
  const byte = Buffer.alloc(1);
  await file.read(byte, 0, 1, 0);
  await file.write(Buffer.from([(byte[0] ?? 0) ^ 0xff]), 0, 1, 0);
}
