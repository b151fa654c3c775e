import type { ConfigSpec, WaitView } from '@hozen/contracts';
import { logger } from '@hozen/telemetry';
import { eventually, tempDir, type TempDir } from '@hozen/testkit';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { cancelRun } from '../api/cancel-run.js';
import { findRun } from '../api/list-runs.js';
import { aJob } from '../job.fixture.js';
import { checkRoom } from '../methods/check-room.js';
import { WorkerResources } from '../resources/worker-resources.js';
import { claimRun } from '../runs/claim-run.js';
import { settleFailure } from '../runs/settle-failure.js';
import { BackupStore } from '../spec-support/backup-store.js';
import type { CommittedArtefact } from '../storage/committed-artefact.js';
import type { RunRow } from '../store/entities.js';
import { ADMISSION_LOCK } from './ask-for-space.js';
import { byFileSystem } from './file-systems.js';
import { keepSpace } from './keep-space.js';

let store: BackupStore;
let folder: TempDir;
beforeAll(async () => {
  store = await BackupStore.start();
});
afterAll(() => store[Symbol.asyncDispose]());
beforeEach(async () => {
  folder = await tempDir();
  await store.database.query('TRUNCATE backup_configs, backup_targets, backup_runs, backup_records, outbox CASCADE');
  return () => folder[Symbol.asyncDispose]();
});

const place = (name: string, maxRuns?: number) =>
  ({ kind: 'file', path: folder.join(name), ...(maxRuns === undefined ? {} : { maxRuns }) }) as const;

async function asked(name: string, more: Partial<ConfigSpec> = {}): Promise<RunRow> {
  await store.configure(name, folder.join('any'), name, more);
  return store.request(name);
}

/** One look of each of so many workers, at the same moment. @returns the configs whose runs they took */
async function looks(workers: number, spoolRoot?: string): Promise<string[]> {
  const claims = await Promise.all(
    Array.from({ length: workers }, (_, worker) => claimRun(store.database, `w${worker}`, 'backups', spoolRoot)),
  );
  return claims.flatMap((run) => (run ? [run.config_name] : [])).toSorted();
}

async function ends(...configs: string[]): Promise<void> {
  await store.database.query(
    `UPDATE backup_runs SET state = 'failed', finished_at = clock_timestamp() WHERE config_name = ANY ($1) AND state = 'running'`,
    [configs],
  );
}

async function waits({ id }: RunRow): Promise<WaitView[] | undefined> {
  return (await findRun(store.database, id)).waitsFor;
}

describe('a storage that takes so many runs at a time', () => {
  it('has no more of them, however many workers look at once, and each waiting run says so', async () => {
    const runs = [];
    for (const name of ['a', 'b', 'c', 'd', 'e']) runs.push(await asked(name, { storage: place('disk', 2) }));
    expect(await looks(8)).toEqual(['a', 'b']);
    expect(await looks(8)).toEqual([]);
    const [, , third, , fifth] = runs;
    const full = { kind: 'storage', storage: folder.join('disk'), limit: 2, running: 2 };
    expect(third && (await waits(third))).toEqual([{ ...full, ahead: 0 }]);
    expect(fifth && (await waits(fifth))).toEqual([{ ...full, ahead: 2 }]);
    await ends('b');
    expect(await looks(8)).toEqual(['c']);
  });

  it('is given by one worker after the other: one that cannot see yet what another one decides waits for that', async () => {
    await asked('a', { storage: place('disk', 1) });
    const { id } = await asked('b', { storage: place('disk', 1) });
    const another = store.database.createQueryRunner();
    await another.startTransaction();
    await another.query(ADMISSION_LOCK);
    await another.query(`UPDATE backup_runs SET state = 'running' WHERE id = $1`, [id]);
    const looking = looks(1);
    await eventually(async () => {
      const waiting = await store.database.query<unknown[]>(
        `SELECT FROM pg_locks WHERE locktype = 'advisory' AND NOT granted`,
      );
      expect(waiting).toHaveLength(1);
    });
    await another.commitTransaction();
    await another.release();
    expect(await looking).toEqual([]);
  });

  it('is the same under another spelling, and as second storage of another config', async () => {
    await asked('a', { storage: place('disk', 1) });
    await asked('b', { storage: { kind: 'file', path: `${folder.path}//disk/`, maxRuns: 1 } });
    await asked('c', { storage: place('other'), secondaryStorage: place('disk', 1) });
    expect(await looks(3)).toEqual(['a']);
  });

  it('gives a place of a worker that died to whoever goes on with its run, and to nobody else', async () => {
    await asked('a', { storage: place('disk', 1) });
    const other = await asked('b', { storage: place('disk', 1) });
    expect(await looks(1)).toEqual(['a']);
    await store.database.query(`UPDATE backup_runs SET lease_until = clock_timestamp() WHERE state = 'running'`);
    expect(await looks(4)).toEqual(['a']);
    expect(await waits(other)).toMatchObject([{ kind: 'storage', running: 1 }]);
    await ends('a');
    expect(await looks(4)).toEqual(['b']);
  });

  it('is not taken by runs that need it alone, while one that asked before needs another one too', async () => {
    await asked('holder', { storage: place('first', 1) });
    expect(await looks(1)).toEqual(['holder']);
    await asked('both', { storage: place('first', 1), secondaryStorage: place('second', 1) });
    const later = await asked('later', { storage: place('second', 1) });
    expect(await looks(4)).toEqual([]);
    expect(await waits(later)).toMatchObject([{ kind: 'storage', running: 0, ahead: 1 }]);
    await ends('holder');
    expect(await looks(4)).toEqual(['both']);
    await ends('both');
    expect(await looks(4)).toEqual(['later']);
  });

  it('does not hold a run that is to be cancelled, nor logs', async () => {
    const cancelled = await asked('cancelled', { storage: place('disk', 1) });
    await store.database.query(`UPDATE backup_runs SET attempt = 1`);
    await asked('a', { storage: place('disk', 1) });
    await asked('log', { method: 'postgres-wal', level: 'transaction_log', storage: place('disk', 1) });
    await store.database.query(
      `UPDATE backup_runs SET not_before = clock_timestamp() + interval '1 hour' WHERE id = $1`,
      [cancelled.id],
    );
    expect(await looks(4)).toEqual(['a']);
    await cancelRun(store.outbox, cancelled.id);
    expect(await looks(4)).toEqual(['cancelled']);
    expect((await claimRun(store.database, 'w', 'logs'))?.config_name).toBe('log');
  });
});

it('a run says that it waits for its time, for its target, or for a worker', async () => {
  const first = await asked('a');
  expect(await waits(first)).toEqual([{ kind: 'worker' }]);
  await looks(1);
  expect(await waits(first)).toBeUndefined();
  const second = await store.request('a');
  expect(await waits(second)).toEqual([{ kind: 'target', runId: first.id, config: 'a' }]);
  await store.database.query(`UPDATE backup_runs SET not_before = '2999-01-01' WHERE id = $1`, [second.id]);
  expect(await waits(second)).toEqual([{ kind: 'time', until: '2999-01-01T00:00:00.000Z' }]);
});

describe('room on a disk', () => {
  let free: number;
  beforeEach(async () => {
    const [found] = await byFileSystem([{ path: folder.path, bytes: 1 }]);
    free = found?.freeBytes ?? 0;
  });

  /** A run whose config has a backup that took such a share of what is free now, with its proof. */
  async function askedAfterOne(name: string, share: number): Promise<RunRow> {
    await store.configure(name, folder.join('storage'), name, { storage: place('storage') });
    const bytes = Math.floor((share * free) / 2);
    const path = `${folder.path}/${name}`;
    const made = {
      path,
      checksumPath: path,
      manifestPath: path,
      bytes: 0,
      originalBytes: bytes,
      sha256: '0'.repeat(64),
    };
    await store.completed(name, made as CommittedArtefact);
    await store.database.query(
      `UPDATE backup_runs SET started_at = started_at - interval '1 day' WHERE config_name = $1`,
      [name],
    );
    return store.request(name);
  }

  const spool = () => folder.join('spool');

  it('is kept for runs at work: who needs it too waits, and says for what', async () => {
    await askedAfterOne('a', 0.6);
    const second = await askedAfterOne('b', 0.6);
    expect(await looks(4, spool())).toEqual(['a']);
    const [wait] = (await waits(second)) ?? [];
    expect(wait).toMatchObject({ kind: 'space', path: folder.join('storage') });
    expect(wait?.kind === 'space' && wait.neededBytes / free).toBeCloseTo(0.6, 1);
    expect(wait?.kind === 'space' && wait.keptBytes / free).toBeCloseTo(0.6, 1);
    await ends('a');
    expect(await looks(4, spool())).toEqual(['b']);
  });

  it('is not taken by small runs that came later, while a large one waits for it', async () => {
    await askedAfterOne('a', 0.5);
    expect(await looks(1, spool())).toEqual(['a']);
    await askedAfterOne('large', 0.8);
    await askedAfterOne('small', 0.3);
    expect(await looks(4, spool())).toEqual([]);
    await ends('a');
    expect(await looks(1, spool())).toEqual(['large']);
    await ends('large');
    expect(await looks(1, spool())).toEqual(['small']);
  });

  it('that nobody else takes is not waited for: the run starts, and fails at once where there is too little', async () => {
    await askedAfterOne('huge', 50);
    expect(await looks(1, spool())).toEqual(['huge']);
  });

  it('is asked for again and again without a word to the database', async () => {
    await askedAfterOne('a', 0.6);
    await askedAfterOne('b', 0.6);
    await looks(2, spool());
    const versions = () =>
      store.database.query(
        `SELECT xmin::text FROM backup_runs UNION ALL SELECT xmin::text FROM space_claims ORDER BY 1`,
      );
    const before = await versions();
    for (let look = 0; look < 5; look++) expect(await looks(2, spool())).toEqual([]);
    expect(await versions()).toEqual(before);
  });

  it('is kept with what the target says, where there was no backup yet; who finds it taken goes back to its place', async () => {
    await asked('a');
    await asked('b');
    expect(await looks(2, spool())).toEqual(['a', 'b']);
    const [a, b] = await store.database.query<RunRow[]>(`SELECT * FROM backup_runs ORDER BY config_name`);
    if (!a || !b) throw new Error('there are no runs');
    const job = (run: RunRow) =>
      aJob(folder.path, { runId: run.id, epoch: Number(run.epoch), spoolDir: spool(), configName: run.config_name });
    const target = Promise.resolve({ bytes: 0, scratchBytes: Math.floor(0.3 * free) });
    const still = new AbortController().signal;
    const roomOf = async (run: RunRow) =>
      (await checkRoom(job(run), target, keepSpace(store.database, run.id, still))).kept;
    await roomOf(a);
    const reason: unknown = await roomOf(b).catch((thrown) => thrown);

    const log = logger('spec');
    log.level = 'silent';
    const { database, outbox } = store;
    const resources = await WorkerResources.find('off');
    const context = { database, outbox, log, resources, spoolRoot: spool(), shutdown: new AbortController().signal };
    const failed = {
      run: b,
      plan: undefined,
      attempt: undefined,
      job: undefined,
      reason,
      ensureLease: () => undefined,
    };
    await settleFailure(failed, { ...context, afterRun: () => Promise.resolve() });
    const back = await store.run(b.id);
    expect(back).toMatchObject({ state: 'queued', retries_used: {}, not_before: b.not_before });
    expect(back.error).toMatchObject({ code: 'DISK_TOO_SMALL' });
    expect(await waits(b)).toMatchObject([{ kind: 'space', keptBytes: 2 * Math.floor(0.3 * free) }]);
    expect(await looks(2, spool())).toEqual([]);
    await ends('a');
    expect(await looks(2, spool())).toEqual(['b']);
  });
});
