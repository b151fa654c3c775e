import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { S3StorageSpec, storageLocation } from '@hozen/contracts';
import { NO_S3, s3Program, tempDir, TestS3, type TempDir } from '@hozen/testkit';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { findRun } from '../api/list-runs.js';
import { aJob } from '../job.fixture.js';
import { EMPTY_SUMMARY } from '../methods/dump-summary.fixture.js';
import { claimDeletion, deleteArtefact } from '../retention/delete-artefact.js';
import { BackupStore } from '../spec-support/backup-store.js';
import { commitArtefact } from '../storage/commit-artefact.js';
import { ownerOf } from '../storage/artefact-paths.js';
import { openArtefact } from '../storage/open-artefact.js';
import { storageOf } from '../storage/storage-of.js';
import { claimCopy } from './claim-copy.js';
import { copyDue } from './copy-keeper.js';
import { recordCopy } from './record-copy.js';

let store: BackupStore;
let folder: TempDir;
let second: string;
let runId: string;
let path: string;

beforeAll(async () => {
  store = await BackupStore.start();
});
afterAll(() => store[Symbol.asyncDispose]());

/** A completed run whose second copy is pending. */
beforeEach(async (test) => {
  await store.database.query('TRUNCATE backup_copies, artefact_deletions, backup_artefacts CASCADE');
  folder = await tempDir();
  test.onTestFinished(() => folder[Symbol.asyncDispose]());
  second = folder.join('second');
  await store.configure('nightly', folder.path);
  runId = (await store.request('nightly')).id;
  const job = aJob(folder.path, { runId });
  const writer = await openArtefact(job, 10);
  await writer.addFile('data', 'content');
  const artefact = await commitArtefact(job, writer, EMPTY_SUMMARY, { ensureLease: () => undefined });
  await store.database.query(
    `UPDATE backup_runs SET state = 'completed', started_at = now(), finished_at = now() WHERE id = $1`,
    [runId],
  );
  await store.database.query(
    `INSERT INTO backup_artefacts
       (run_id, file_path, checksum_path, manifest_path, file_size, original_size, sha256, proof, proven_at)
     VALUES ($1, $2::text, $2::text || '.sha256', $2::text || '.manifest.json', 1, 1, $3, '{"level":"checksum"}', now())`,
    [runId, artefact.path, artefact.sha256],
  );
  path = artefact.path.replace(folder.join('storage'), second);
  await recordCopy(store.database.manager, runId, { path, storage: { kind: 'file', path: second }, state: 'pending' });
});

async function copyNext(shutdown = new AbortController().signal): Promise<void> {
  const due = await claimCopy(store.database, 'spec');
  if (!due) throw new Error('nothing is due');
  await copyDue(store.database, due, performance.now(), shutdown);
}

it('is left to the next worker by one that stops, at once and as if it had not been tried', async () => {
  await copyNext(AbortSignal.abort());
  expect(existsSync(path)).toBe(false);
  expect(await store.database.query('SELECT state, attempts FROM backup_copies')).toEqual([
    { state: 'pending', attempts: 0 },
  ]);
  await copyNext();
  expect(existsSync(path)).toBe(true);
});

it('is not made of an artefact that was found to be bad', async () => {
  await store.database.query('UPDATE backup_artefacts SET bad_since = now()');
  expect(await claimCopy(store.database, 'spec')).toBeUndefined();
});

const stateOf = async () => (await findRun(store.database, runId)).artefact?.copy;

it('a copy that is missing is made, and shown as standing', async () => {
  await copyNext();
  expect(readdirSync(dirname(path))).toHaveLength(3);
  expect(await stateOf()).toMatchObject({ path, state: 'standing', attempts: 1 });
  expect(await claimCopy(store.database, 'spec')).toBeUndefined();
});

it('a copy that cannot be made says why, and is tried again later', async () => {
  writeFileSync(second, 'not a folder');
  await copyNext();
  expect(await stateOf()).toMatchObject({
    state: 'pending',
    attempts: 1,
    error: expect.stringContaining(second) as string,
  });
  expect(await claimCopy(store.database, 'spec')).toBeUndefined();
  rmSync(second);
  await store.database.query('UPDATE backup_copies SET not_before = now()');
  await copyNext();
  expect(await stateOf()).toMatchObject({ state: 'standing', attempts: 2 });
});

it('a copy is made by one worker at a time, and again when that one died', async () => {
  const due = await claimCopy(store.database, 'dies');
  expect(due).toBeDefined();
  expect(await claimCopy(store.database, 'another')).toBeUndefined();
  await store.database.query(`UPDATE backup_copies SET lease_until = now() - interval '1 s'`);
  await copyNext();
  expect(await stateOf()).toMatchObject({ state: 'standing', attempts: 2 });
});

it('both go when the rules let the artefact go; nothing is copied then, and nothing goes while it is copied', async () => {
  await copyNext();
  mkdirSync(dirname(path), { recursive: true });
  await store.database.query(`INSERT INTO artefact_deletions (run_id, reasons) VALUES ($1, '[]')`, [runId]);
  await store.database.query(
    `UPDATE backup_copies SET state = 'copying', lease_until = now() + interval '1 min' WHERE run_id = $1`,
    [runId],
  );
  expect(await claimDeletion(store.database)).toBeUndefined();
  await store.database.query(`UPDATE backup_copies SET state = 'pending', lease_until = NULL, not_before = now()`);
  expect(await claimCopy(store.database, 'spec')).toBeUndefined();
  const due = await claimDeletion(store.database);
  if (!due) throw new Error('nothing is to go');
  await deleteArtefact(store.outbox, store.database, due);
  expect(readdirSync(dirname(path))).toEqual([]);
  expect(existsSync(due.file_path)).toBe(false);
  expect(await stateOf()).toMatchObject({ state: 'deleted' });
});

it('what a dead worker left of a copy goes with the artefact', async () => {
  const copy = await claimCopy(store.database, 'dies');
  const job = aJob(folder.path, { runId, epoch: Number(copy?.epoch) });
  const sink = await storageOf({ kind: 'file', path: second }).open(ownerOf(job), 10);
  await sink.write(Buffer.from('half of it'));
  await sink.finish();
  expect(readdirSync(dirname(path))).toHaveLength(1);
  await store.database.query(`UPDATE backup_copies SET lease_until = now() - interval '1 s'`);
  await store.database.query(`INSERT INTO artefact_deletions (run_id, reasons) VALUES ($1, '[]')`, [runId]);
  const due = await claimDeletion(store.database);
  if (!due) throw new Error('nothing is to go');
  await deleteArtefact(store.outbox, store.database, due);
  expect(readdirSync(dirname(path))).toEqual([]);
});

it.skipIf(s3Program() === undefined)(
  `a copy is made and removed with the keys that its config names now (skipped where there is ${NO_S3})`,
  async () => {
    await using s3 = await TestS3.start();
    const now = Object.assign(new S3StorageSpec(), s3.storage('second'));
    const before = Object.assign(new S3StorageSpec(), now, {
      accessKey: 'env:HOZEN_GONE',
      secretKey: 'env:HOZEN_GONE',
    });
    path = `${storageLocation(now)}/manual/${basename(path)}`;
    await store.database.query('UPDATE backup_copies SET file_path = $1, storage = $2::jsonb', [
      path,
      JSON.stringify(before),
    ]);
    await store.database.query(
      `UPDATE backup_configs SET spec = spec || jsonb_build_object('secondaryStorage', $1::jsonb)`,
      [JSON.stringify(now)],
    );
    await copyNext();
    expect(await stateOf()).toMatchObject({ state: 'standing' });
    await store.database.query(`INSERT INTO artefact_deletions (run_id, reasons) VALUES ($1, '[]')`, [runId]);
    const due = await claimDeletion(store.database);
    if (!due) throw new Error('nothing is to go');
    await deleteArtefact(store.outbox, store.database, due);
    expect(await storageOf(now).readText(`${path}.manifest.json`)).toBeUndefined();
  },
);
