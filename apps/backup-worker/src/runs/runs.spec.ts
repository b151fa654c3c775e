import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { basename } from 'node:path';
import { HozenError } from '@hozen/contracts';
import { HandBack } from '@hozen/persistence';
import { logger } from '@hozen/telemetry';
import { eventually, tempDir, type TempDir } from '@hozen/testkit';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { keepSpace } from '../admission/keep-space.js';
import { cancelRun } from '../api/cancel-run.js';
import { findRun } from '../api/list-runs.js';
import { aJob } from '../job.fixture.js';
import type { BackupJob } from '../job.js';
import { artefactPaths } from '../storage/artefact-paths.js';
import { commitArtefact } from '../storage/commit-artefact.js';
import type { CommittedArtefact } from '../storage/committed-artefact.js';
import { WorkerResources } from '../resources/worker-resources.js';
import { openArtefact } from '../storage/open-artefact.js';
import { BackupStore } from '../spec-support/backup-store.js';
import type { RunRow } from '../store/entities.js';
import { beginAttempt, type Attempt } from './begin-attempt.js';
import { claimRun } from './claim-run.js';
import { finishCompleted, finishFailed } from './finish-run.js';
import { loadPlan } from './load-plan.js';
import { renewLease } from './renew-lease.js';
import { requeueRun } from './requeue-run.js';
import { settleFailure } from './settle-failure.js';

let store: BackupStore;
let folder: TempDir;
let resources: WorkerResources;
beforeAll(async () => {
  store = await BackupStore.start();
  resources = await WorkerResources.find('off');
});
afterAll(() => store[Symbol.asyncDispose]());
beforeEach(async () => {
  folder = await tempDir();
  await store.database.query('TRUNCATE backup_configs, backup_targets, backup_runs, backup_records, outbox CASCADE');
  await store.configure('nightly', folder.path);
  return () => folder[Symbol.asyncDispose]();
});

const summary = {
  format: 'hozen-postgres-logical' as const,
  originalBytes: 1,
  databases: [],
  tables: 0,
  tablespaces: [],
  warnings: [],
  server: { systemIdentifier: '1', version: '15', major: 15, superuser: 'postgres', inRecovery: false, tools: '15' },
  contents: [],
  seconds: 1,
  megabytesPerSecond: 1,
};
const proof = { level: 'checksum' as const, databases: 0, tables: 0, seconds: 0 };
const ensureLease = () => undefined;

function context() {
  const log = logger('spec');
  log.level = 'silent';
  const { database, outbox } = store;
  return {
    database,
    outbox,
    log,
    spoolRoot: folder.join('spool'),
    afterRun: () => Promise.resolve(),
    resources,
    shutdown: new AbortController().signal,
  };
}

interface Begun {
  run: RunRow;
  job: BackupJob;
  attempt: Attempt;
}

/** A claimed run whose attempt has begun. */
async function begun(): Promise<Begun> {
  await store.request('nightly');
  return begin(await store.claim());
}

async function begin(run: RunRow): Promise<Begun> {
  const jobAt = (startedAt: Date) =>
    aJob(folder.path, {
      runId: run.id,
      epoch: Number(run.epoch),
      startedAt,
      spoolDir: folder.join(`spool/${run.id}.${run.epoch}`),
    });
  const attempt = await beginAttempt(store.outbox, run, (startedAt) => artefactPaths(jobAt(startedAt)).data);
  const job = jobAt(attempt.startedAt);
  await mkdir(job.spoolDir, { recursive: true });
  return { run, job, attempt };
}

async function commit({ job }: Begun): Promise<CommittedArtefact> {
  return commitArtefact(job, await openArtefact(job), summary, { ensureLease });
}

function complete({ run, attempt }: Begun, artefact: CommittedArtefact): Promise<void> {
  const done = { artefact, proof, bytesPerSecond: 1, warnings: [], retentionDays: 30 };
  return finishCompleted(store.outbox, run, attempt, done);
}

function fails({ run, job, attempt }: Begun, reason: unknown): Promise<void> {
  return settleFailure({ run, plan: undefined, job, attempt, reason, ensureLease }, context());
}

async function expire(run: RunRow): Promise<void> {
  await store.database.query(`UPDATE backup_runs SET lease_until = clock_timestamp() WHERE id = $1`, [run.id]);
}

describe('a worker that does not hear the answer to its last commit', () => {
  it('leaves the artefact of the completed run where it is', async () => {
    const mine = await begun();
    const artefact = await commit(mine);
    await complete(mine, artefact);
    await fails(mine, new Error('Connection terminated unexpectedly'));
    expect([artefact.path, artefact.checksumPath, artefact.manifestPath].filter(existsSync)).toHaveLength(3);
    expect(await store.run(mine.run.id)).toMatchObject({ state: 'completed', error: null });
    expect(await store.eventsOf(mine.run.id)).toEqual(['backup.accepted', 'backup.started', 'backup.completed']);
  });
});

describe("a worker that loses the services' database in the middle of a run", () => {
  const lost = Object.assign(new Error('terminating connection because of crash'), { code: '57P02' });

  it('leaves the run and its artefact to whoever takes over, even where the database is back at once', async () => {
    const mine = await begun();
    const artefact = await commit(mine);
    await expect(fails(mine, lost)).rejects.toBe(lost);
    expect(existsSync(artefact.path)).toBe(true);
    expect(await store.run(mine.run.id)).toMatchObject({ state: 'running', error: null });
  });

  it('asks again for the room that it needs, until it is answered or the run is to stop', async () => {
    const { run } = await begun();
    const transaction = vi.spyOn(store.database, 'transaction').mockRejectedValueOnce(lost).mockRejectedValueOnce(lost);
    await keepSpace(store.database, run.id, new AbortController().signal)([]);
    expect(transaction).toHaveBeenCalledTimes(3);
    transaction.mockRejectedValueOnce(lost);
    const stopped = keepSpace(store.database, run.id, AbortSignal.abort());
    await expect(stopped([])).rejects.toMatchObject({ name: 'AbortError' });
    transaction.mockRestore();
  });
});

describe('a worker whose run another has taken over', () => {
  it('removes nothing but its own spool, and says nothing', async () => {
    const first = await begun();
    const artefact = await commit(first);
    await expire(first.run);
    const second = await begin(await store.claim('another'));
    await complete(second, artefact);
    await fails(first, new HozenError('CONTENT_DIFFERS', { what: 'everything' }));
    expect(existsSync(artefact.manifestPath)).toBe(true);
    expect(existsSync(first.job.spoolDir)).toBe(false);
    expect(existsSync(second.job.spoolDir)).toBe(true);
    expect((await store.eventsOf(first.run.id)).filter((type) => type !== 'backup.started')).toEqual([
      'backup.accepted',
      'backup.completed',
    ]);
  });

  it('can neither begin, complete, fail nor requeue it, nor renew its lease', async () => {
    const first = await begun();
    const artefact = await commit(first);
    await expire(first.run);
    const second = await begin(await store.claim('another'));
    await expect(complete(first, artefact)).rejects.toMatchObject({ code: 'LEASE_LOST' });
    const error = new HozenError('TOOL_FAILED', { tool: 'pg_dump' });
    await expect(finishFailed(store.outbox, first.run, first.attempt, error)).rejects.toMatchObject({
      code: 'LEASE_LOST',
    });
    const again = requeueRun(store.outbox, first.run, first.attempt, error, new HandBack());
    await expect(again).rejects.toMatchObject({ code: 'LEASE_LOST' });
    await expect(begin(first.run)).rejects.toMatchObject({ code: 'LEASE_LOST' });
    expect(await renewLease(store.database, 'backup_runs', first.run, undefined)).toMatchObject({ held: false });
    expect(await renewLease(store.database, 'backup_runs', second.run, undefined)).toMatchObject({ held: true });
    expect(await store.run(first.run.id)).toMatchObject({ state: 'running', epoch: second.run.epoch });
  });
});

describe('a run that has ended', () => {
  it('does not end again, whoever tries', async () => {
    const mine = await begun();
    await complete(mine, await commit(mine));
    const error = new HozenError('TOOL_FAILED', { tool: 'pg_dump' });
    await expect(finishFailed(store.outbox, mine.run, mine.attempt, error)).rejects.toMatchObject({
      code: 'LEASE_LOST',
    });
    expect(await store.run(mine.run.id)).toMatchObject({ state: 'completed' });
  });
});

describe('a lease that has run out', () => {
  it('is not renewed, even if nobody has taken it yet', async () => {
    const { run } = await begun();
    await expire(run);
    expect(await renewLease(store.database, 'backup_runs', run, undefined)).toMatchObject({ held: false });
  });
});

describe('a target', () => {
  it('has one run at a time, however many workers ask at once', async () => {
    for (let index = 0; index < 4; index++) await store.request('nightly');
    const claims = await Promise.all(Array.from({ length: 8 }, () => claimRun(store.database, 'spec', 'backups')));
    expect(claims.filter((run) => run !== undefined)).toHaveLength(1);
  });

  it('cannot have two running runs, whatever a program does', async () => {
    const [one, two] = [await store.request('nightly'), await store.request('nightly')];
    const run = (id: string) => store.database.query(`UPDATE backup_runs SET state = 'running' WHERE id = $1`, [id]);
    await run(one.id);
    await expect(run(two.id)).rejects.toThrow('uq_backup_runs_one_active_per_target');
  });

  it('is logged while it is backed up', async () => {
    await store.configure('wal', folder.path, 'nightly', { method: 'postgres-wal', level: 'transaction_log' });
    await store.request('nightly');
    await store.claim();
    const logs = [await store.request('wal'), await store.request('wal')];
    const claims = await Promise.all(logs.map(() => claimRun(store.database, 'spec', 'logs')));
    expect(claims.filter((run) => run !== undefined).map((run) => run.config_name)).toEqual(['wal']);
  });

  it('that is busy does not hold up the runs of others', async () => {
    await store.configure('hourly', folder.path, 'another');
    await store.request('nightly');
    await store.claim();
    await store.request('nightly');
    const free = await store.request('hourly');
    expect((await store.claim()).id).toBe(free.id);
  });
});

describe('a run', () => {
  it('is not claimed before the second is over in which another one of its config started', async () => {
    const [first, second] = [await store.request('nightly'), await store.request('nightly')];
    const startedIn = (id: string, seconds: number) =>
      store.database.query(
        `UPDATE backup_runs SET state = 'failed', started_at = clock_timestamp() + make_interval(secs => $2) WHERE id = $1`,
        [id, seconds],
      );
    // A second that is over by the time of the claim would prove nothing; this one is not.
    await startedIn(first.id, 60);
    expect(await claimRun(store.database, 'spec', 'backups')).toBeUndefined();
    await startedIn(first.id, -1);
    expect((await store.claim()).id).toBe(second.id);
  });

  it('is made of the target it was accepted for, when the config names another one since', async () => {
    const run = await store.request('nightly');
    await store.configure('nightly', folder.path, 'elsewhere');
    expect((await loadPlan(store.database, run)).target.name).toBe('nightly');
  });

  it('starts a second later when an artefact has its name already, as in the hour that comes twice', async () => {
    const first = await begun();
    const artefact = await commit(first);
    await complete(first, artefact);
    await store.request('nightly');
    const run = await eventually(() => store.claim());
    let times = 0;
    // The first name is that of an hour ago.
    const attempt = await beginAttempt(store.outbox, run, (startedAt) =>
      times++ === 0 ? artefact.path : `/${startedAt.getTime()}.tar.gz`,
    );
    const [log] = await store.database.query<{ backup_file: string }[]>(
      'SELECT backup_file FROM backup_log WHERE id = $1',
      [attempt.logId],
    );
    expect(log?.backup_file).not.toBe(basename(artefact.path));
    expect(await store.eventsOf(run.id)).toEqual(['backup.accepted', 'backup.started']);
  });

  it('whose id is also the id of a request goes first, and is the only one that is cancelled', async () => {
    const mine = await store.request('nightly');
    const other = await store.request('nightly', { id: mine.id });
    expect((await findRun(store.database, mine.id)).id).toBe(mine.id);
    await cancelRun(store.outbox, mine.id);
    expect(await store.run(mine.id)).toMatchObject({ state: 'cancelled' });
    expect(await store.run(other.id)).toMatchObject({ state: 'queued', cancel_requested_at: null });
  });
});
