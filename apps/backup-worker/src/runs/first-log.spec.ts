import { randomUUID } from 'node:crypto';
import { BackupConfiguration, requireValid, RestoreRequested, type RestorePlanView } from '@hozen/contracts';
import { parseLsn } from '@hozen/dbms';
import { tempDir, TestPostgres, type TempDir } from '@hozen/testkit';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { BackupSeries } from '../backup-series.fixture.js';
import { applyConfiguration } from '../configs/apply-configuration.js';
import { planRequest } from '../restores/plan-request.js';
import { BackupStore } from '../spec-support/backup-store.js';
import type { CommittedArtefact } from '../storage/committed-artefact.js';
import { recordRange } from '../recovery/record-range.js';
import { lineageOf } from './lineage.js';

let store: BackupStore;
let folder: TempDir;

beforeAll(async () => {
  store = await BackupStore.start();
}, 60_000);
afterAll(() => store?.[Symbol.asyncDispose]());
beforeEach(async () => {
  folder = await tempDir();
  const storage = { kind: 'file', path: folder.path };
  const wanted = requireValid(BackupConfiguration, {
    targets: [{ name: 'erp', kind: 'postgres', host: 'erp.example.org' }],
    configs: [
      { name: 'erp-files', target: 'erp', method: 'postgres-physical', storage },
      { name: 'erp-wal', target: 'erp', method: 'postgres-wal', level: 'transaction_log', storage },
    ],
  });
  await store.database.transaction((manager) => applyConfiguration(manager, wanted, false));
});
afterEach(async () => {
  await store.database.query('TRUNCATE recovery_ranges, backup_artefacts, backup_runs, outbox CASCADE');
  await folder[Symbol.asyncDispose]();
});

async function known(config: string, artefact: CommittedArtefact): Promise<string> {
  const runId = await store.completed(config, artefact);
  await recordRange(store.database.manager, { ...artefact.manifest, runId });
  return runId;
}

/** A copy, much that is written, and then the first log of all. */
async function copyThenLog(server: TestPostgres) {
  const { artefact: copy } = await new BackupSeries(server.address(), folder.join('copies')).make('full');
  const runId = await known('erp-files', copy);
  await using client = await server.client();
  await client.query('CREATE TABLE ticks (n int)');
  for (let n = 1; n <= 8; n++) {
    await client.query('INSERT INTO ticks SELECT generate_series(1, 100)');
    await client.query('SELECT pg_switch_wal()');
    await client.query('CHECKPOINT');
  }
  const lineage = lineageOf(store.database, { ...(await store.run(runId)), id: randomUUID() });
  const series = new BackupSeries(server.address(), folder.path, () => undefined, 'postgres-wal');
  const before = await plan(runId);
  const { artefact: log } = await series.make('transaction_log', { lineage });
  await known('erp-wal', log);
  expect(await lineage.copyWithoutLog()).toBeUndefined();
  return { copy: copy.manifest.physical, log: log.manifest, before, after: await plan(runId) };
}

function plan(run: string): Promise<RestorePlanView> {
  const directory = folder.join('restored/erp');
  const request = requireValid(RestoreRequested, { run, directory, point: { latest: true }, requestedBy: 'alice' });
  return planRequest(store.database, request, [folder.join('restored')]);
}

it('the first log goes on from the copy that is there, where the server still has its WAL', async () => {
  await using server = await TestPostgres.start({
    initdbArgs: ['--wal-segsize=1'],
    settings: { wal_keep_size: '512MB' },
  });
  const { copy, log, before, after } = await copyThenLog(server);
  expect(before.obstacles).toEqual([
    { kind: 'copy-without-log', what: expect.stringMatching(/^it ends at .*there is no later log/) },
  ]);
  expect(log.wal?.gap).toBeUndefined();
  expect(parseLsn(log.wal?.ranges[0]?.startLsn ?? '')).toBeLessThanOrEqual(parseLsn(copy?.endLsn ?? ''));
  expect(after).toMatchObject({ obstacles: [], logs: { count: 1 } });
}, 60_000);

it('the first log has a gap where the server let go the WAL since the copy, and the plan says what to do', async () => {
  await using server = await TestPostgres.start({
    initdbArgs: ['--wal-segsize=1'],
    settings: { max_wal_size: '2MB', min_wal_size: '2MB' },
  });
  const { copy, log, after } = await copyThenLog(server);
  expect(log.wal?.gap).toMatchObject({ fromLsn: copy?.endLsn, toLsn: log.wal?.ranges[0]?.startLsn });
  expect(log.warnings).toContainEqual(expect.stringContaining('this is the first log'));
  expect(after.obstacles).toEqual([
    {
      kind: 'copy-without-log',
      what: expect.stringMatching(/^it ends at .*the log begins at .*hozen backup erp-files --level full$/),
    },
  ]);
}, 60_000);
