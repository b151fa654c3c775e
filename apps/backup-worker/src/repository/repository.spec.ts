import { basename, dirname } from 'node:path';
import { copyFile, readFile, rename, rm, truncate, writeFile } from 'node:fs/promises';
import { BackupConfiguration, requireValid } from '@hozen/contracts';
import { tempDir, TestPostgres, type TempDir } from '@hozen/testkit';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { BackupSeries } from '../backup-series.fixture.js';
import { backUp, jobFor } from '../backup.fixture.js';
import { listRuns } from '../api/list-runs.js';
import { applyConfiguration } from '../configs/apply-configuration.js';
import { planRequest } from '../restores/plan-request.js';
import { previewRetention } from '../retention/preview.js';
import { lineageOf } from '../runs/lineage.js';
import { BackupStore } from '../spec-support/backup-store.js';
import type { CommittedArtefact } from '../storage/committed-artefact.js';
import { adoptArtefacts } from './adopt.js';
import { scanRepository } from './scan.js';

let store: BackupStore;
let server: TestPostgres;
let folder: TempDir;

beforeAll(async () => {
  [store, server] = await Promise.all([BackupStore.start(), TestPostgres.start()]);
  await server.createDatabase('shop');
}, 60_000);
afterAll(async () => {
  await Promise.all([store, server].map((each) => each?.[Symbol.asyncDispose]()));
});
beforeEach(async () => {
  folder = await tempDir();
  await store.database.query('TRUNCATE backup_configs, backup_targets, backup_runs, backup_artefacts, outbox CASCADE');
  await configure();
});
afterEach(() => folder[Symbol.asyncDispose]());

async function configure(method = 'postgres-logical'): Promise<void> {
  const { host, port, user } = server.address();
  const wanted = requireValid(BackupConfiguration, {
    targets: [{ name: 'shop', kind: 'postgres', host, port, user, password: `env:HOZEN_TEST_PASSWORD_${port}` }],
    configs: [{ name: 'nightly', target: 'shop', method, storage: { kind: 'file', path: `${folder.path}/storage` } }],
  });
  await store.database.transaction((manager) => applyConfiguration(manager, wanted, false));
}

function made(hour: number): Promise<CommittedArtefact> {
  return backUp(jobFor(server.address(), folder.path, { startedAt: new Date(Date.UTC(2026, 0, 2, hour)) }));
}

/** What stands is written down. */
async function known(): Promise<void> {
  await adoptArtefacts(store.database, store.outbox, undefined);
}

function verified(run: string): Promise<void> {
  return store.verify(run, 'spot', folder.join('spool'));
}

async function findings(): Promise<string[]> {
  const { findings: found } = await scanRepository(store.database, undefined);
  return found.map(({ kind, path }) => `${kind} ${path}`).toSorted();
}

describe('a scan of the repository', () => {
  it('finds nothing where everything is as it should be', async () => {
    const artefact = await made(1);
    await known();
    expect(await scanRepository(store.database, 'nightly')).toEqual({
      storages: [{ storage: `${folder.path}/storage`, artefacts: 1, bytes: artefact.bytes }],
      findings: [],
    });
  });

  it('finds what is missing, damaged, changed, unknown, and what should be gone', async () => {
    const [missing, short, unreadable, replaced, gone] = [
      await made(1),
      await made(2),
      await made(3),
      await made(4),
      await made(5),
    ];
    await known();
    const unknown = await made(6);
    await rm(missing.manifestPath);
    await truncate(short.path, 100);
    await writeFile(unreadable.manifestPath, '{');
    await copyFile(unknown.manifestPath, replaced.manifestPath);
    await store.database.query(
      `INSERT INTO artefact_deletions (run_id, reasons, deleted_at) VALUES ($1, '[]', now())`,
      [gone.manifest.runId],
    );
    expect(await findings()).toEqual(
      [
        `changed ${replaced.path}`,
        `damaged ${short.path}`,
        `damaged ${unreadable.path}`,
        `missing ${missing.path}`,
        `should-be-gone ${gone.path}`,
        `unknown ${unknown.path}`,
      ].toSorted(),
    );
  });

  it('names what a verification found to be bad, until retention lets it go', async () => {
    const [bad] = [await made(1), await made(2)];
    await known();
    const { runId } = bad.manifest;
    await store.database.query(
      `WITH found AS (
         INSERT INTO verifications (id, request_id, kind, run_id, config_name, target_name, state, verdict, finished_at)
         VALUES (gen_random_uuid(), gen_random_uuid(), 'full', $1, 'nightly', 'shop', 'failed', 'bad', '2026-02-03T04:05:06Z')
       )
       UPDATE backup_artefacts SET bad_since = '2026-02-03T04:05:07Z' WHERE run_id = $1`,
      [runId],
    );
    const [{ id } = { id: '' }] = await store.database.query<{ id: string }[]>('SELECT id FROM verifications');
    const { findings: found } = await scanRepository(store.database, undefined);
    const what = `verification ${id}, 2026-02-03T04:05:07.000Z`;
    expect(found).toEqual([{ kind: 'bad', path: bad.path, runId, config: 'nightly', what }]);
    await store.database.query(`INSERT INTO artefact_deletions (run_id, reasons) VALUES ($1, '[]')`, [runId]);
    expect(await findings()).toEqual([]);
  });

  it('finds data that no manifest belongs to, and not what is made just now', async () => {
    const [orphan, making, gone] = [await made(1), await made(2), await made(3)];
    await known();
    await store.database.query('DELETE FROM recovery_ranges');
    for (const { manifest } of [orphan, making]) {
      await store.database.query('DELETE FROM backup_artefacts WHERE run_id = $1', [manifest.runId]);
    }
    await store.database.query(
      `INSERT INTO artefact_deletions (run_id, reasons, deleted_at) VALUES ($1, '[]', now())`,
      [gone.manifest.runId],
    );
    for (const { manifestPath } of [orphan, making, gone]) await rm(manifestPath);
    const hidden = `${dirname(making.path)}/.${basename(making.manifestPath)}.${making.manifest.runId}.1.partial`;
    await writeFile(hidden, '');
    await writeFile(`${folder.path}/storage/notes.txt`, 'of somebody');
    expect(await findings()).toEqual([`should-be-gone ${gone.path}`, `unknown ${orphan.path}`]);
  });

  it('says of what is unknown and could not be adopted that it is damaged', async () => {
    const short = await made(1);
    await truncate(short.path, 100);
    await known();
    expect(await findings()).toEqual([`damaged ${short.path}`]);
  });

  it('says of a storage that cannot be reached just that, and not that everything is missing', async () => {
    await made(1);
    await known();
    await rename(`${folder.path}/storage`, `${folder.path}/away`);
    expect(await findings()).toEqual([`unreachable ${folder.path}/storage`]);
  });

  it('finds nothing wrong with a folder that the first backup is still to make', async () => {
    expect(await scanRepository(store.database, undefined)).toEqual({
      storages: [{ storage: `${folder.path}/storage`, artefacts: 0, bytes: 0 }],
      findings: [],
    });
  });

  it('takes nothing for unknown that a run is just about to write down', async () => {
    const artefact = await made(1);
    const run = await store.request('nightly');
    await store.database.query('UPDATE backup_runs SET id = $2 WHERE id = $1', [run.id, artefact.manifest.runId]);
    expect(await findings()).toEqual([]);
  });
});

describe('the adoption of artefacts', () => {
  it('makes them known after the loss of the database: they can be restored, and are verified next', async () => {
    const artefact = await made(1);
    expect(await adoptArtefacts(store.database, store.outbox, undefined)).toEqual({
      adopted: [{ runId: artefact.manifest.runId, config: 'nightly', path: artefact.path }],
      refused: [],
    });
    expect(await findings()).toEqual([]);
    const body = { config: 'nightly', target: 'shop', databases: [{ name: 'shop', as: 'again' }] };
    expect(await planRequest(store.database, body, [])).toMatchObject({
      runId: artefact.manifest.runId,
      obstacles: [],
    });
    const asked = await store.database.query<{ data: object }[]>(
      `SELECT body -> 'data' AS data FROM outbox WHERE subject = 'verification.requested'`,
    );
    expect(asked).toMatchObject([{ data: { run: artefact.manifest.runId, kind: 'spot' } }]);
    expect(await adoptArtefacts(store.database, store.outbox, undefined)).toEqual({ adopted: [], refused: [] });
  });

  it('leaves them unproven, and kept however old, until a verification has read them', async () => {
    const [flipped, { manifest }] = [await made(1), await made(2)];
    const bytes = await readFile(flipped.path);
    bytes[100] = (bytes[100] ?? 0) ^ 1;
    await writeFile(flipped.path, bytes);
    await known();
    await store.database.query(`UPDATE backup_runs SET finished_at = '2026-01-02'`);
    const next = await store.run((await store.request('nightly')).id);
    expect(await lineageOf(store.database, next).newest(['full'])).toBeUndefined();
    const proofs = async () => {
      const { runs } = await listRuns(store.database, { state: 'completed', limit: '10' });
      return new Map(runs.map(({ id, artefact }) => [id, artefact?.proof?.level] as const));
    };
    expect(await proofs()).toEqual(
      new Map([
        [manifest.runId, undefined],
        [flipped.manifest.runId, undefined],
      ]),
    );
    const kept = async () =>
      (await previewRetention(store.database, 'nightly')).flatMap((each) =>
        each.artefacts.map(({ runId, keep, reasons }) => [runId, keep, reasons.map(({ kind }) => kind)]),
      );
    expect(new Set(await kept())).toEqual(
      new Set([
        [manifest.runId, true, ['unread']],
        [flipped.manifest.runId, true, ['unread']],
      ]),
    );
    await verified(manifest.runId);
    expect(await lineageOf(store.database, next).newest(['full'])).toMatchObject({ runId: manifest.runId });
    await verified(flipped.manifest.runId);
    expect(await proofs()).toEqual(
      new Map([
        [manifest.runId, 'checksum'],
        [flipped.manifest.runId, undefined],
      ]),
    );
    expect(new Set(await kept())).toEqual(
      new Set([
        [manifest.runId, true, ['floor']],
        [flipped.manifest.runId, false, ['old']],
      ]),
    );
  });

  it('keeps what builds on what', async () => {
    await configure('postgres-physical');
    const series = new BackupSeries(server.address(), folder.path);
    const full = await series.make('full');
    const increment = await series.make('incremental');
    const { adopted } = await adoptArtefacts(store.database, store.outbox, 'nightly');
    expect(adopted.map(({ runId }) => runId)).toEqual([full.job.runId, increment.job.runId]);
    expect(await store.run(increment.job.runId)).toMatchObject({ parent_run_id: full.job.runId, state: 'completed' });
    expect(await store.database.query('SELECT kind FROM recovery_ranges')).toHaveLength(2);
  });

  it('refuses what is damaged, and what no config knows', async () => {
    const [short, stranger] = [await made(1), await made(2)];
    await truncate(short.path, 100);
    const text = (await readFile(stranger.manifestPath, 'utf8')).replace('"config":"nightly"', '"config":"other"');
    await writeFile(stranger.manifestPath, text.replace('"config": "nightly"', '"config": "other"'));
    const { adopted, refused } = await adoptArtefacts(store.database, store.outbox, undefined);
    expect(adopted).toEqual([]);
    expect(refused.map(({ kind }) => kind).toSorted()).toEqual(['damaged', 'unknown']);
  });
});
