import { randomUUID } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { BackupConfiguration, requireValid } from '@hozen/contracts';
import { tempDir, type TempDir } from '@hozen/testkit';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { findRun } from '../api/list-runs.js';
import { applyConfiguration } from '../configs/apply-configuration.js';
import { BackupStore } from '../spec-support/backup-store.js';
import { claimDeletion, deleteArtefact } from './delete-artefact.js';
import { expire, expireAll } from './expire.js';
import { hold, release } from './holds.js';
import { previewRetention } from './preview.js';

const DAY = 86_400_000;
let store: BackupStore;
let folder: TempDir;
let name: string;

beforeAll(async () => {
  store = await BackupStore.start();
});
afterAll(() => store[Symbol.asyncDispose]());
beforeEach(async () => {
  folder = await tempDir();
  name = `config-${randomUUID().slice(0, 8)}`;
  await configure({ retentionDays: 7 });
});
afterEach(async () => {
  await store.database.query('TRUNCATE artefact_deletions, artefact_holds, backup_artefacts, recovery_ranges CASCADE');
  await folder[Symbol.asyncDispose]();
});

async function configure(rules: object): Promise<void> {
  const wanted = requireValid(BackupConfiguration, {
    targets: [{ name, kind: 'postgres', host: 'db.example.org' }],
    configs: [{ name, target: name, storage: { kind: 'file', path: folder.path }, ...rules }],
  });
  await store.database.transaction((manager) => applyConfiguration(manager, wanted, false));
}

async function configId(): Promise<string> {
  const [row] = await store.database.query<{ id: string }[]>('SELECT id FROM backup_configs WHERE config_name = $1', [
    name,
  ]);
  return row?.id ?? '';
}

/** A completed run with its files and record, that many days old. */
async function artefact(daysAgo: number): Promise<string> {
  const run = await store.request(name);
  const at = new Date(Date.now() - daysAgo * DAY);
  const [record] = await store.database.query<{ id: string }[]>(
    `INSERT INTO backup_records (config_id, backup_type, backup_status, backup_start_time)
     VALUES ($1, 'manual', 'completed', $2) RETURNING id`,
    [run.config_id, at],
  );
  await store.database.query(
    `UPDATE backup_runs SET state = 'completed', started_at = $2, finished_at = $2, record_id = $3 WHERE id = $1`,
    [run.id, at, record?.id],
  );
  const path = join(folder.path, `${run.id}.tar.gz`);
  for (const file of [path, `${path}.sha256`, `${path}.manifest.json`]) writeFileSync(file, 'x');
  await store.database.query(
    `INSERT INTO backup_artefacts
       (run_id, file_path, checksum_path, manifest_path, file_size, original_size, sha256, proof, proven_at)
     VALUES ($1, $2, $3, $4, 1, 1, repeat('0', 64), '{"level":"checksum","databases":0,"tables":0,"seconds":0}', $5)`,
    [run.id, path, `${path}.sha256`, `${path}.manifest.json`, at],
  );
  return run.id;
}

async function deleteAll(): Promise<void> {
  for (let due = await claimDeletion(store.database); due; due = await claimDeletion(store.database)) {
    await deleteArtefact(store.outbox, store.database, due);
  }
}

const standing = () => readdirSync(folder.path).filter((file) => file.endsWith('.tar.gz'));
const recordOf = async (id: string) => (await store.run(id)).record_id;

describe('artefacts that expire', () => {
  it('go with their files, their record and an event, and are shown as deleted', async () => {
    const [old, young] = [await artefact(8), await artefact(1)];
    expect(await expire(store.database, await configId())).toBe(1);
    await deleteAll();
    expect(standing()).toEqual([`${young}.tar.gz`]);
    expect(readdirSync(folder.path)).toHaveLength(3);
    expect(await recordOf(old)).toBeNull();
    expect(await recordOf(young)).not.toBeNull();
    expect(await store.eventsOf(old)).toContain('backup.deleted');
    expect((await findRun(store.database, old)).artefact?.deletedAt).toBeDefined();
    expect((await findRun(store.database, young)).artefact?.expiredAt).toBeUndefined();
  });

  it('stay while a run of their target is at work', async () => {
    await artefact(9);
    await artefact(8);
    const busy = await store.request(name);
    await store.database.query(`UPDATE backup_runs SET state = 'running', owner = 'spec' WHERE id = $1`, [busy.id]);
    expect(await expire(store.database, await configId())).toBeUndefined();
    await store.database.query(`UPDATE backup_runs SET state = 'failed' WHERE id = $1`, [busy.id]);
    expect(await expire(store.database, await configId())).toBe(1);
  });

  it('stay while somebody holds them, and go when released', async () => {
    const [old] = [await artefact(8), await artefact(1)];
    await hold(store.database, old, 'audit', 'somebody');
    expect(await expireAll(store.database)).toBe(0);
    expect((await findRun(store.database, old)).artefact?.held).toMatchObject({ reason: 'audit', by: 'somebody' });
    await release(store.database, old);
    expect(await expireAll(store.database)).toBe(1);
    await expect(hold(store.database, old, 'too late', null)).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });

  it.each([
    ['the newest copy before it', false],
    ['the copy before one that is bad', true],
  ])('of logs stay while a moment that is promised is reached by them, from %s', async (_of, isBad) => {
    const ranges = `
      INSERT INTO recovery_ranges (run_id, kind, system_identifier, first_timeline, timeline, start_lsn, end_lsn, up_to)
      VALUES ($1, $2, '7', 1, 1, $3, $4, (SELECT finished_at FROM backup_runs WHERE id = $1))`;
    const artefacts = [
      { daysAgo: 14, kind: 'log', start: '0/0000100', end: '0/0F00000' },
      { daysAgo: 13, kind: 'copy', start: '0/1000100', end: '0/1000200' },
      { daysAgo: 12, kind: 'log', start: '0/1000000', end: '0/2000000' },
      { daysAgo: 10, kind: 'copy', start: '0/2000100', end: '0/2000200' },
      { daysAgo: 9, kind: 'log', start: '0/2000000', end: '0/3000000' },
      { daysAgo: 1, kind: 'log', start: '0/3000000', end: '0/4000000' },
    ];
    const ids: string[] = [];
    for (const { daysAgo, kind, start, end } of artefacts) {
      const id = await artefact(daysAgo);
      const level = kind === 'log' ? 'transaction_log' : 'full';
      await store.database.query('UPDATE backup_runs SET backup_level = $2 WHERE id = $1', [id, level]);
      await store.database.query(ranges, [id, kind, start, end]);
      ids.push(id);
    }
    const bad = isBad ? [ids[3]] : [];
    await store.database.query('UPDATE backup_artefacts SET bad_since = now() WHERE run_id = ANY ($1)', [bad]);
    await expire(store.database, await configId());
    await deleteAll();
    // The copy is the newest full one that is sound: it stays by the rules, and the way to the promised days begins with it.
    const promised = isBad ? [ids[1], ids[2], ids[4], ids[5]] : ids.slice(3);
    expect(standing()).toEqual(expect.arrayContaining(promised.map((id) => `${id}.tar.gz`)));
    expect(standing()).not.toContain(`${ids[0]}.tar.gz`);
    if (!isBad) expect(standing()).toHaveLength(3);
  });

  it('are decided once, however many decide at the same time', async () => {
    for (const ago of [20, 19, 18, 1]) await artefact(ago);
    const id = await configId();
    const counts = await Promise.all(Array.from({ length: 4 }, () => expire(store.database, id)));
    expect(counts.reduce<number>((sum, count) => sum + (count ?? 0), 0)).toBe(3);
    expect(standing()).toHaveLength(4);
  });
});

describe('a deletion', () => {
  it('that died between the files and the record is finished by the next', async () => {
    const [old] = [await artefact(8), await artefact(1)];
    await expire(store.database, await configId());
    const [file] = standing().filter((each) => each.startsWith(old));
    for (const suffix of ['', '.sha256', '.manifest.json']) rmSync(join(folder.path, `${file}${suffix}`));
    await deleteAll();
    expect((await findRun(store.database, old)).artefact?.deletedAt).toBeDefined();
    expect((await store.eventsOf(old)).filter((type) => type === 'backup.deleted')).toHaveLength(1);
  });

  it('that fails says why, is tried again later, and never leaves a manifest without its data', async () => {
    const [old] = [await artefact(8), await artefact(1)];
    await expire(store.database, await configId());
    const data = join(folder.path, `${old}.tar.gz`);
    // A folder in its place cannot be removed as a file, by nobody.
    rmSync(data);
    mkdirSync(join(data, 'inside'), { recursive: true });
    const due = await claimDeletion(store.database);
    if (!due) throw new Error('nothing is due');
    await expect(deleteArtefact(store.outbox, store.database, due)).rejects.toMatchObject({ code: 'STORAGE_IO' });
    expect(existsSync(`${data}.manifest.json`)).toBe(false);
    expect(await claimDeletion(store.database)).toBeUndefined();
    const [view] = await previewRetention(store.database, name);
    expect(view?.deleting).toMatchObject([{ runId: old, attempts: 1, error: expect.any(String) as string }]);
    rmSync(data, { recursive: true });
    await store.database.query('UPDATE artefact_deletions SET not_before = clock_timestamp()');
    await deleteAll();
    expect((await previewRetention(store.database, name))[0]?.deleting).toEqual([]);
  });
});

describe('the preview', () => {
  it('says of every artefact whether it stays, and why, and changes nothing', async () => {
    await configure({ retentionDays: 7, retentionCount: 1 });
    const [old, newer, newest] = [await artefact(8), await artefact(3), await artefact(1)];
    const [view] = await previewRetention(store.database, name);
    expect(view?.artefacts.map(({ runId, keep, reasons }) => [runId, keep, reasons.map(({ kind }) => kind)])).toEqual([
      [newest, true, ['young', 'floor']],
      [newer, false, ['surplus']],
      [old, false, ['old', 'surplus']],
    ]);
    expect(await claimDeletion(store.database)).toBeUndefined();
    expect(standing()).toHaveLength(3);
    await expect(previewRetention(store.database, 'nothing')).rejects.toMatchObject({ code: 'CONFIG_UNKNOWN' });
  });
});
