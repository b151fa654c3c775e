import { execFileSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdir, readdir, readFile, rename, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Identity } from '@hozen/access';
import { BackupConfiguration, newEvent, requireValid, RestoreRequested, type RestorePlanView } from '@hozen/contracts';
import { tempDir, type TempDir } from '@hozen/testkit';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { BackupSeries } from '../backup-series.fixture.js';
import { applyConfiguration } from '../configs/apply-configuration.js';
import { described, filesJob, makeTree } from '../methods/files/tree.fixture.js';
import { BackupStore } from '../spec-support/backup-store.js';
import { removeTree } from '../storage/file/remove-tree.js';
import { acceptRestore } from './accept-restore.js';
import { approveRestore } from './ask-in-place.js';
import { cancelRestore, findRestore, findRestoreRow } from './list-restores.js';
import { planRequest } from './plan-request.js';
import type { RestoreRow } from './restore-row.js';
import { TreeExchange } from './tree-swap.js';

const ALICE: Identity = { name: 'alice', role: 'dba' };
const BOB: Identity = { name: 'bob', role: 'dba' };

let store: BackupStore;
let folder: TempDir;
let root: string;
let expected: string;
let runId: string;
let directory: string;

beforeAll(async () => {
  [folder, store] = await Promise.all([tempDir(), BackupStore.start()]);
  root = folder.join('tree');
  await mkdir(root);
  await makeTree(root);
  const backups = new BackupSeries((into, change) => filesJob(root, into, change), folder.path);
  const full = await backups.make('full');
  await writeFile(join(root, 'new'), 'new');
  const { artefact } = await backups.make('incremental');
  expected = await described(root);
  const storage = { kind: 'file', path: folder.join('storage') };
  const wanted = requireValid(BackupConfiguration, {
    targets: [{ name: 'shop', kind: 'files', path: root }],
    configs: [{ name: 'nightly', target: 'shop', method: 'files', storage }],
  });
  await store.database.transaction((manager) => applyConfiguration(manager, wanted, false));
  await store.completed('nightly', full.artefact);
  runId = await store.completed('nightly', artefact);
}, 60_000);
afterAll(async () => {
  await store?.[Symbol.asyncDispose]();
  await removeTree(folder.path);
  await folder[Symbol.asyncDispose]();
});
beforeEach(async () => {
  directory = folder.join('restored/here');
  await mkdir(directory, { recursive: true });
  await writeFile(join(directory, 'old'), 'what was there');
});
afterEach(async () => {
  delete process.env['HOZEN_FAILPOINTS'];
  await removeTree(folder.join('restored'));
});

const requestFor = (change: object) =>
  requireValid(RestoreRequested, { run: runId, directory, inPlace: true, requestedBy: 'alice', ...change });

const planFor = (change: object = {}): Promise<RestorePlanView> =>
  planRequest(store.database, requestFor(change), [folder.join('restored')]);

async function approved(): Promise<string> {
  const request = requestFor({});
  const plan = await planFor();
  const event = newEvent('restore.requested', request, { source: 'spec', id: randomUUID() });
  expect(await store.outbox.transaction((tx) => acceptRestore(tx, event, { plan, asker: ALICE }))).toEqual([]);
  await store.outbox.transaction(async (tx) =>
    approveRestore(tx, await findRestoreRow(tx.manager, event.id), plan.hash, BOB),
  );
  return event.id;
}

async function execute(row: RestoreRow): Promise<void> {
  await store.executeRestore(row, folder.join('spool'), { restoreFolders: [folder.join('restored')] });
}

/** As when its worker died: the lease is over. */
async function orphaned({ id }: RestoreRow): Promise<void> {
  await store.database.query('UPDATE restores SET lease_until = clock_timestamp() WHERE id = $1', [id]);
}

const kept = ({ id }: { id: string }) => `${directory}.before-${id.slice(0, 8)}`;
const names = async () => (await readdir(folder.join('restored'))).sort();

async function isNew(): Promise<boolean> {
  const isOld = (await readdir(directory)).join() === 'old';
  if (!isOld) expect(await described(directory)).toBe(expected);
  return !isOld;
}

async function expectReplaced(view: { id: string }): Promise<void> {
  expect(await isNew()).toBe(true);
  expect(await readFile(join(kept(view), 'old'), 'utf8')).toBe('what was there');
  expect(await names()).toEqual(['here', `here.before-${view.id.slice(0, 8)}`]);
}

describe('a restore of a tree in the place of a folder', () => {
  it('replaces it in one step after a second DBA approved, and keeps what was there', async () => {
    expect(await planFor()).toMatchObject({
      obstacles: [],
      inPlace: { replaces: [directory] },
      steps: ['restore', 'compare', 'exchange'],
    });
    const id = await approved();
    await execute(await store.claimRestore());
    const view = await findRestore(store.database, id);
    expect(view).toMatchObject({ state: 'completed', inPlace: true, approval: { by: 'bob' } });
    expect(view.warnings.join()).toContain(kept(view));
    await expectReplaced(view);
  });

  it.each(['restore.swapped', 'restore.kept'])(
    'is told by the next worker where the first one could not at %s',
    async (place) => {
      process.env['HOZEN_FAILPOINTS'] = `${place}=throw`;
      const id = await approved();
      const dead = await store.claimRestore();
      await execute(dead);
      delete process.env['HOZEN_FAILPOINTS'];
      expect(await findRestore(store.database, id)).toMatchObject({ state: 'running' });
      expect(await isNew()).toBe(true);
      await orphaned(dead);
      // What is there cannot be taken away any more.
      await cancelRestore(store.outbox, dead.id);
      await execute(await store.claimRestore());
      const view = await findRestore(store.database, id);
      expect(view).toMatchObject({ state: 'completed', attempt: 2 });
      await expectReplaced(view);
    },
  );

  it.each(['restore.beside', 'restore.before-swap'])(
    'that fails at %s leaves what was there, and nothing else',
    async (place) => {
      process.env['HOZEN_FAILPOINTS'] = `${place}=throw`;
      const id = await approved();
      await execute(await store.claimRestore());
      expect(await findRestore(store.database, id)).toMatchObject({ state: 'failed' });
      expect(await isNew()).toBe(false);
      expect(await names()).toEqual(['here']);
    },
  );

  it('does not exchange what the next worker makes when an earlier one wakes up before its step', async () => {
    const id = await approved();
    const first = { ...(await store.claimRestore()), directory };
    const sleeper = new TreeExchange(first, { database: store.database });
    await mkdir(sleeper.beside);
    await writeFile(join(sleeper.beside, 'half'), '');
    const { ino, dev } = await stat(directory, { bigint: true });
    const waking = sleeper.exchange(`${dev}:${ino}`, [], async () => {
      await orphaned(first);
      await execute(await store.claimRestore());
    });
    await expect(waking).rejects.toMatchObject({ code: 'PLAN_CHANGED' });
    const view = await findRestore(store.database, id);
    expect(view).toMatchObject({ state: 'completed', attempt: 2 });
    await expectReplaced(view);
  });

  it('removes nothing that an earlier worker exchanged while it was thought dead', async () => {
    const id = await approved();
    const first = { ...(await store.claimRestore()), directory };
    const sleeper = new TreeExchange(first, { database: store.database });
    execFileSync('cp', ['-a', root, sleeper.beside]);
    const { ino, dev } = await stat(directory, { bigint: true });
    await sleeper.exchange(`${dev}:${ino}`, [], () => Promise.resolve());
    await orphaned(first);
    await execute(await store.claimRestore());
    const view = await findRestore(store.database, id);
    expect(view).toMatchObject({ state: 'completed', attempt: 2 });
    await expectReplaced(view);
  });

  it('is not done where another folder has come into the place of the one that was approved of', async () => {
    const id = await approved();
    await rename(directory, `${directory}-away`);
    await mkdir(directory);
    await execute(await store.claimRestore());
    expect(await findRestore(store.database, id)).toMatchObject({ state: 'failed', error: { code: 'PLAN_CHANGED' } });
    expect(await names()).toEqual(['here', 'here-away']);
  });

  it('is refused for what is no folder, for a link, out of the way, and without a second person', async () => {
    const kinds = async (change: object) => (await planFor(change)).obstacles.map(({ kind }) => kind);
    expect(await kinds({ directory: folder.join('restored/none') })).toEqual(['directory-irreplaceable']);
    await symlink(directory, folder.join('restored/link'));
    expect(await kinds({ directory: folder.join('restored/link') })).toEqual(['directory-irreplaceable']);
    expect(await kinds({ directory: root })).toEqual(['directory-refused']);
    const event = newEvent('restore.requested', requestFor({}), { source: 'spec', id: randomUUID() });
    expect(await store.outbox.transaction((tx) => acceptRestore(tx, event))).toMatchObject([{ field: 'inPlace' }]);
    const both = newEvent('restore.requested', requestFor({ delta: true }), { source: 'spec', id: randomUUID() });
    const asked = { plan: await planFor(), asker: ALICE };
    expect(await store.outbox.transaction((tx) => acceptRestore(tx, both, asked))).toMatchObject([
      { field: 'inPlace' },
    ]);
  });
}, 60_000);
