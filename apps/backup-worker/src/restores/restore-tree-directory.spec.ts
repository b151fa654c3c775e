import { randomUUID } from 'node:crypto';
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { BackupConfiguration, newEvent, requireValid } from '@hozen/contracts';
import { tempDir, type TempDir } from '@hozen/testkit';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { ArtefactFile } from '../artefact/artefact-file.js';
import { BackupSeries } from '../backup-series.fixture.js';
import { applyConfiguration } from '../configs/apply-configuration.js';
import { TREE } from '../methods/files/copy-tree.js';
import { described, filesJob, makeTree } from '../methods/files/tree.fixture.js';
import { BackupStore } from '../spec-support/backup-store.js';
import type { CommittedArtefact } from '../storage/committed-artefact.js';
import { removeTree } from '../storage/file/remove-tree.js';
import { acceptRestore } from './accept-restore.js';
import { findRestore } from './list-restores.js';
import { planRequest } from './plan-request.js';
import type { RestoreRow } from './restore-row.js';

let store: BackupStore;
let folder: TempDir;
let root: string;
let artefact: CommittedArtefact;
let runId: string;
let directory: string;

beforeAll(async () => {
  [folder, store] = await Promise.all([tempDir(), BackupStore.start()]);
  root = folder.join('tree');
  directory = folder.join('restored/tree');
  await mkdir(root);
  await makeTree(root);
  const backups = new BackupSeries((into, change) => filesJob(root, into, change), folder.path);
  await backups.make('full');
  await writeFile(join(root, 'new'), 'new');
  await rm(join(root, 'fifo'));
  ({ artefact } = await backups.make('incremental'));
  const storage = { kind: 'file', path: folder.join('storage') };
  const wanted = requireValid(BackupConfiguration, {
    targets: [{ name: 'shop', kind: 'files', path: root, exclude: ['**/*.tmp'] }],
    configs: [{ name: 'nightly', target: 'shop', method: 'files', level: 'incremental', storage }],
  });
  await store.database.transaction((manager) => applyConfiguration(manager, wanted, false));
  runId = (await store.request('nightly')).id;
  await store.database.query(
    `UPDATE backup_runs SET state = 'completed', started_at = clock_timestamp(), finished_at = clock_timestamp() WHERE id = $1`,
    [runId],
  );
  await store.database.query(
    `INSERT INTO backup_artefacts
       (run_id, file_path, checksum_path, manifest_path, file_size, original_size, sha256, proof, proven_at)
     VALUES ($1, $2, $3, $4, $5, $6, $7, '{"level":"restore","databases":0,"tables":0,"files":9,"seconds":4}', clock_timestamp())`,
    [
      runId,
      artefact.path,
      artefact.checksumPath,
      artefact.manifestPath,
      artefact.bytes,
      artefact.originalBytes,
      artefact.sha256,
    ],
  );
}, 60_000);
afterAll(async () => {
  await store?.[Symbol.asyncDispose]();
  await removeTree(folder.path);
  await folder[Symbol.asyncDispose]();
});
afterEach(async () => {
  delete process.env['HOZEN_FAILPOINTS'];
  await removeTree(folder.join('restored'));
});

async function request(change: object = {}): Promise<string> {
  const event = newEvent(
    'restore.requested',
    { run: runId, directory, ...change },
    { source: 'spec', id: randomUUID() },
  );
  await store.outbox.transaction((tx) => acceptRestore(tx, event));
  return event.id;
}

async function execute(row: RestoreRow): Promise<void> {
  await store.executeRestore(row, folder.join('spool'), { restoreFolders: [folder.join('restored')] });
}

async function placeOf(stream: string): Promise<readonly number[]> {
  await using file = await ArtefactFile.open(artefact);
  return file.stream(stream).parts[0] ?? [];
}

const besides = () => readdir(folder.join('restored')).catch((): string[] => []);

describe('a restore of a tree of files into a new folder', () => {
  it('is the tree as it was, and nothing else', async () => {
    const plan = await planRequest(store.database, { run: runId, directory }, [folder.join('restored')]);
    expect(plan).toMatchObject({ obstacles: [], databases: [], to: { target: directory } });
    expect(plan.chain?.map(({ level }) => level)).toEqual(['full', 'incremental']);
    const id = await request();
    await execute(await store.claimRestore());
    const view = await findRestore(store.database, id);
    expect(view).toMatchObject({ state: 'completed', result: [], warnings: [] });
    expect(await described(directory)).toBe(await described(root));
    expect(await besides()).toEqual(['tree']);
  });

  it('is told as completed by the next worker when the first one died after it gave the folder its name', async () => {
    process.env['HOZEN_FAILPOINTS'] = 'restore.renamed=throw';
    const id = await request();
    const dead = await store.claimRestore();
    await execute(dead);
    delete process.env['HOZEN_FAILPOINTS'];
    await store.database.query(
      `UPDATE restores SET state = 'running', error = NULL, finished_at = NULL, lease_until = clock_timestamp() WHERE id = $1`,
      [dead.id],
    );
    await execute(await store.claimRestore());
    expect(await findRestore(store.database, id)).toMatchObject({ state: 'completed', attempt: 2 });
    expect(await described(directory)).toBe(await described(root));
  });

  it('is made anew by the next worker when the first one died before that', async () => {
    const id = await request();
    const dead = await store.claimRestore();
    await mkdir(`${directory}.hozen-${dead.id}/half`, { recursive: true });
    await store.database.query('UPDATE restores SET opening = true, lease_until = clock_timestamp() WHERE id = $1', [
      dead.id,
    ]);
    await execute(await store.claimRestore());
    expect(await findRestore(store.database, id)).toMatchObject({ state: 'completed', attempt: 2 });
    expect(await described(directory)).toBe(await described(root));
    expect(await besides()).toEqual(['tree']);
  });

  it('leaves nothing when it fails before the folder has its name', async () => {
    process.env['HOZEN_FAILPOINTS'] = 'restore.before-rename=throw';
    const id = await request();
    await execute(await store.claimRestore());
    expect(await findRestore(store.database, id)).toMatchObject({ state: 'failed' });
    expect(await besides()).toEqual([]);
  });

  it('leaves nothing when an artefact is damaged', async () => {
    const pristine = await readFile(artefact.path);
    const damaged = Buffer.from(pristine);
    const [offset = 0, bytes = 0] = await placeOf(TREE);
    damaged.fill(0xff, offset + Math.floor(bytes / 2), offset + Math.floor(bytes / 2) + 16);
    await writeFile(artefact.path, damaged);
    const id = await request();
    await execute(await store.claimRestore());
    await writeFile(artefact.path, pristine);
    expect(await findRestore(store.database, id)).toMatchObject({
      state: 'failed',
      error: { code: 'ARTEFACT_CORRUPT' },
    });
    expect(await besides()).toEqual([]);
  });

  it('changes nothing where the folder is taken or not allowed, or a moment is asked for, and its plan says so', async () => {
    await mkdir(directory, { recursive: true });
    await writeFile(join(directory, 'mine'), 'mine');
    const kinds = async (body: object, allowed: string[]) =>
      (await planRequest(store.database, { run: runId, directory, ...body }, allowed)).obstacles.map(
        ({ kind }) => kind,
      );
    expect(await kinds({}, [])).toEqual(['directory-refused', 'directory-taken']);
    expect(await kinds({ point: { latest: true } }, [folder.join('restored')])).toEqual([
      'directory-taken',
      'wrong-method',
    ]);
    const id = await request();
    await execute(await store.claimRestore());
    expect(await findRestore(store.database, id)).toMatchObject({
      state: 'failed',
      error: { code: 'RESTORE_IMPOSSIBLE' },
    });
    expect(await readdir(directory)).toEqual(['mine']);
  });

  it('into a target is refused, with what to do instead', async () => {
    const body = { run: runId, target: 'shop', databases: [{ name: 'shop' }] };
    await expect(planRequest(store.database, body, [])).rejects.toMatchObject({
      code: 'RESTORE_IMPOSSIBLE',
      message: expect.stringContaining('name a new directory') as string,
    });
    const id = await request({ directory: undefined, target: 'shop', databases: [{ name: 'shop' }] });
    await execute(await store.claimRestore());
    expect(await findRestore(store.database, id)).toMatchObject({ error: { code: 'RESTORE_IMPOSSIBLE' } });
  });
});
