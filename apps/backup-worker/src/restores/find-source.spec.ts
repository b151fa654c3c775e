import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { BackupStore } from '../spec-support/backup-store.js';
import { findSource, isSource } from './find-source.js';
import { recoveryOf } from './recovery-of.js';

let store: BackupStore;
/** Full, incremental, full, incremental; then a log over all of them. */
let runs: string[];

beforeAll(async () => {
  store = await BackupStore.start();
  await store.configure('files', '/backup', 'erp', { jobs: 5 });
});
afterAll(() => store[Symbol.asyncDispose]());
beforeEach(async () => {
  await store.database.query('TRUNCATE backup_runs, backup_artefacts, recovery_ranges CASCADE');
  runs = [];
  runs.push(await completed(1, 'copy'));
  runs.push(await completed(2, 'copy', runs[0]));
  runs.push(await completed(3, 'copy'));
  runs.push(await completed(4, 'copy', runs[2]));
  await completed(5, 'log');
});

/** Each hour has a file of the log. */
async function completed(hour: number, kind: 'copy' | 'log', parent?: string): Promise<string> {
  const { id } = await store.request('files');
  const at = `2026-01-02T0${hour}:00:00Z`;
  await store.database.query(
    `UPDATE backup_runs SET state = 'completed', started_at = $2, finished_at = $2, parent_run_id = $3 WHERE id = $1`,
    [id, at, parent ?? null],
  );
  await store.database.query(
    `INSERT INTO backup_artefacts
       (run_id, file_path, checksum_path, manifest_path, file_size, original_size, sha256, proof, proven_at)
     VALUES ($1, $2, $2, $2, 1, 1, repeat('0', 64), '{"level":"restore","databases":0,"tables":0,"seconds":0}', now())`,
    [id, `/backup/${hour}`],
  );
  const [start, end] = kind === 'log' ? ['0/0', '0/9000000'] : [`0/${hour}000100`, `0/${hour}000200`];
  await store.database.query(
    `INSERT INTO recovery_ranges
       (run_id, kind, system_identifier, first_timeline, timeline, start_lsn, end_lsn, up_to, segment_bytes)
     VALUES ($1, $2, '7', 1, 1, $3, $4, $5, 16777216)`,
    [id, kind, start, end, at],
  );
  return id;
}

async function mark(run: string | undefined): Promise<void> {
  await store.database.query('UPDATE backup_artefacts SET bad_since = now() WHERE run_id = $1', [run]);
}

async function chosen(time: string): Promise<string> {
  const found = await findSource(store.database.manager, { config: 'files', point: { time } });
  return isSource(found) ? found.runId : found.message;
}

describe('the copy that a restore to a moment begins from', () => {
  const TIME = '2026-01-02T04:30:00Z';

  it('is the newest before it', async () => {
    expect(await chosen(TIME)).toBe(runs[3]);
    expect(await chosen('2026-01-02T02:30:00Z')).toBe(runs[1]);
  });

  it('is the next older one where that is bad, and of another chain where its base is', async () => {
    await mark(runs[3]);
    expect(await chosen(TIME)).toBe(runs[2]);
    await mark(runs[2]);
    expect(await chosen(TIME)).toBe(runs[1]);
    const { path, ranges } = (await recoveryOf(store.database, runs[1] ?? '', { time: TIME }, undefined)) ?? {};
    expect(path?.copy.runId).toBe(runs[1]);
    expect(ranges?.map(({ from }) => Date.parse(from))).toEqual([Date.parse('2026-01-02T01:00:00Z')]);
  });

  it('is the one that was named, bad or not: the plan says so; with the jobs of its config', async () => {
    await mark(runs[2]);
    const found = await findSource(store.database.manager, { run: runs[3], point: { time: TIME } });
    expect(found).toMatchObject({ runId: runs[3], bad: { runId: runs[2] }, jobs: 5 });
    const recovery = await recoveryOf(store.database, runs[3] ?? '', { time: TIME }, runs[3]);
    expect(recovery?.path?.copy.runId).toBe(runs[3]);
  });
});
