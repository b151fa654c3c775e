import { randomUUID } from 'node:crypto';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { chmod } from 'node:fs/promises';
import { BackupConfiguration, newEvent, requireValid, type RestorePlanView } from '@hozen/contracts';
import { tempDir, TestPostgres, type TempDir } from '@hozen/testkit';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { backUp, jobFor } from '../backup.fixture.js';
import { applyConfiguration } from '../configs/apply-configuration.js';
import { BackupStore } from '../spec-support/backup-store.js';
import type { CommittedArtefact } from '../storage/committed-artefact.js';
import { acceptRestore } from './accept-restore.js';
import { findRestore } from './list-restores.js';
import { planRequest } from './plan-request.js';

let store: BackupStore;
let source: TestPostgres;
let destination: TestPostgres;
let folder: TempDir;
let artefact: CommittedArtefact;
let runId: string;
let canary: string;
let database: string;

beforeAll(async () => {
  folder = await tempDir();
  await chmod(folder.path, 0o777);
  canary = folder.join('canary');
  [store, source, destination] = await Promise.all([BackupStore.start(), TestPostgres.start(), TestPostgres.start()]);
  await source.createDatabase('shop');
  await using shop = await source.client('shop');
  // The view is filled at the end of a restore, by whoever restores.
  await shop.query(`
    CREATE TABLE orders AS SELECT n AS id FROM generate_series(1, 100) AS n;
    CREATE EXTENSION file_fdw;
    CREATE FUNCTION steal() RETURNS int LANGUAGE plpgsql AS
      $$ BEGIN COPY (SELECT 1) TO PROGRAM 'cat > ${canary}'; RETURN 1; END $$;
    CREATE MATERIALIZED VIEW stolen AS SELECT steal()`);
  // Nothing within it has a checksum of its own.
  const job = jobFor(source.address(), folder.join('storage'), { compress: false });
  jobFor(destination.address(), folder.join('storage'));
  artefact = await backUp(job);
  const target = (name: string, server: TestPostgres) => {
    const { host, port, user } = server.address();
    return { name, kind: 'postgres', host, port, user, password: `env:HOZEN_TEST_PASSWORD_${port}` };
  };
  const wanted = requireValid(BackupConfiguration, {
    targets: [target('shop', source), target('elsewhere', destination)],
    configs: [{ name: 'nightly', target: 'shop', storage: { kind: 'file', path: folder.join('storage') } }],
  });
  await store.database.transaction((manager) => applyConfiguration(manager, wanted, false));
  runId = await store.completed('nightly', artefact);
}, 60_000);
afterAll(async () => {
  await Promise.all([store, source, destination, folder].map((each) => each[Symbol.asyncDispose]()));
});
beforeEach(() => {
  database = `restored_${randomUUID().slice(0, 8)}`;
  rmSync(canary, { force: true });
});
afterEach(() => madeHere());

/** As a scan finds it in storage, and somebody adopts it. */
async function adopted(): Promise<void> {
  await store.database.query(`UPDATE backup_runs SET request_id = 'adopted:' || id WHERE id = $1`, [runId]);
}

async function madeHere(): Promise<void> {
  await store.database.query('UPDATE backup_runs SET request_id = id WHERE id = $1', [runId]);
  await store.database.query('UPDATE backup_artefacts SET sha256 = $2 WHERE run_id = $1', [runId, artefact.sha256]);
}

const wanted = (more: object) => ({
  run: runId,
  target: 'elsewhere',
  databases: [{ name: 'shop', as: database }],
  ...more,
});

function plan(more: object = {}): Promise<RestorePlanView> {
  return planRequest(store.database, wanted(more), []);
}

async function restored(more: object = {}): Promise<Awaited<ReturnType<typeof findRestore>>> {
  const event = newEvent('restore.requested', wanted(more), { source: 'spec', id: randomUUID() });
  expect(await store.outbox.transaction((tx) => acceptRestore(tx, event))).toEqual([]);
  const row = await store.claimRestore();
  await store.executeRestore(row, folder.join('spool'));
  return findRestore(store.database, event.id);
}

it('of a backup that was made here, a plan says what it brings, and the restore goes on', async () => {
  const { policy, obstacles } = await plan();
  expect(obstacles).toEqual([]);
  expect(policy?.trust).toBe('recorded');
  expect(policy?.findings).toEqual(
    expect.arrayContaining([
      { kind: 'extension', name: 'file_fdw', where: 'shop', allowed: true },
      { kind: 'program', name: 'steal()', where: 'shop', allowed: true },
    ]),
  );
  expect(await restored()).toMatchObject({ state: 'completed' });
}, 60_000);

it('a backup that nobody answers for is refused with what it would bring, and nothing of it is executed', async () => {
  await adopted();
  const { policy, obstacles } = await plan();
  expect(policy?.trust).toBe('none');
  expect(obstacles).toEqual(
    expect.arrayContaining([
      { kind: 'not-allowed', what: 'extension:file_fdw (shop)' },
      { kind: 'not-allowed', what: 'program:steal() (shop)' },
    ]),
  );
  const view = await restored({ allow: ['extension:file_fdw'] });
  expect(view).toMatchObject({ state: 'failed', error: { code: 'RESTORE_IMPOSSIBLE' } });
  expect(view.error?.message).toContain('program:steal() (shop)');
  expect(view.error?.message).not.toContain('extension:');
  expect(existsSync(canary)).toBe(false);
}, 60_000);

it('what is named is brought, and that is written down and told', async () => {
  await adopted();
  const allow = ['extension:file_fdw', 'program:*'];
  expect((await plan({ allow })).obstacles).toEqual([]);
  const view = await restored({ allow });
  expect(view).toMatchObject({ state: 'completed', allow });
  expect(view.warnings.join()).toContain('nobody answers for: extension:file_fdw, program:*');
}, 60_000);

it('a table alone needs leave for what comes along with it, and for nothing else', async () => {
  await adopted();
  const { policy, obstacles } = await plan({ databases: [{ name: 'shop', as: database, tables: ['orders'] }] });
  expect(obstacles).toEqual([{ kind: 'not-allowed', what: 'extension:file_fdw (shop)' }]);
  expect(policy?.findings).toHaveLength(1);
}, 60_000);

it('a file that was exchanged is not the one that was made here, whatever its manifest says', async () => {
  await store.database.query(`UPDATE backup_artefacts SET sha256 = repeat('0', 64) WHERE run_id = $1`, [runId]);
  expect((await plan()).policy?.trust).toBe('none');
}, 60_000);

it('a file that was changed behind its manifest is refused before anything of it is executed', async () => {
  const bytes = readFileSync(artefact.path);
  const changed = bytes.toString('latin1').replaceAll('RETURN 1; END', 'RETURN 2; END');
  expect(changed).not.toBe(bytes.toString('latin1'));
  writeFileSync(artefact.path, changed, 'latin1');
  try {
    expect(await restored()).toMatchObject({ state: 'failed', error: { code: 'ARTEFACT_CORRUPT' } });
    expect(existsSync(canary)).toBe(false);
  } finally {
    writeFileSync(artefact.path, bytes);
  }
}, 60_000);

it.each(['extension', 'rolle:x', '**'])('%s allows nothing', async (allow) => {
  await expect(plan({ allow: [allow] })).rejects.toMatchObject({ code: 'REQUEST_INVALID' });
});

it('what a second DBA approves of in place is also what it brings, and who answers for it', async () => {
  await destination.createDatabase(database);
  const asked = { inPlace: true, allow: ['*'] };
  const here = await plan(asked);
  expect((await plan(asked)).hash).toBe(here.hash);
  await adopted();
  const found = await plan(asked);
  expect(found.obstacles).toEqual(here.obstacles);
  expect(found.hash).not.toBe(here.hash);
}, 60_000);
