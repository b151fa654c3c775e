import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { BackupConfiguration, RecoveryPoint, RestorePlanView, RunView } from '@hozen/contracts';
import { connect, giveToServer, PrivatePostgres, type TargetClient } from '@hozen/dbms';
import { tempDir, type TempDir, type TestPostgres } from '@hozen/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sampleConfiguration, sampleTarget } from '../src/sample-target.js';
import { Stack } from '../src/stack.js';

/** A state of the table that was seen, and how it can be named. */
interface Seen {
  rows: number;
  point: RecoveryPoint;
}

/** More of them: HOZEN_RECOVERY_POINTS=50. */
const POINTS = Number(process.env['HOZEN_RECOVERY_POINTS'] ?? 6);

let target: TestPostgres;
let stack: Stack;
let restored: TempDir;
let rows = 0;
const seen: Seen[] = [];
/** A full copy made of earlier ones: of the moment of the last of them, ten rows before it was made. */
let combined: RunView;
let rowsInCombined: number;
/** After the last log: it cannot be reached yet. */
let tooLate: string;

beforeAll(async () => {
  target = await sampleTarget();
  restored = await tempDir();
  stack = await Stack.start(['backup-worker'], {
    SAMPLE_PASSWORD: target.password,
    HOZEN_RESTORE_FOLDERS: restored.path,
  });
  const { targets, configs } = sampleConfiguration(target, stack.home.join('storage'), {
    name: 'files',
    method: 'postgres-physical',
    proof: 'checksum',
  }) as BackupConfiguration;
  const [files] = configs;
  const wal = { ...(files as object), name: 'wal', method: 'postgres-wal', level: 'transaction_log' };
  await stack.configureBackups({ targets, configs: [files, wal] });
  await using client = await target.client('shop');
  await client.query('CREATE TABLE ticks (n int PRIMARY KEY, filler text)');
  await backedUp('wal');
  await write(20);
  await backedUp('files');
  await write(30);
  await backedUp('wal');
  await write(30);
  await target.restart('immediate');
  await write(20);
  await backedUp('wal');
  await promoted();
  await write(30);
  await backedUp('files', 'incremental');
  await write(10);
  await backedUp('files', 'incremental');
  rowsInCombined = rows;
  await write(10);
  combined = await backedUp('files', 'full', true);
  await write(10);
  await backedUp('wal');
  tooLate = await now();
}, 120_000);
afterAll(async () => {
  await stack?.[Symbol.asyncDispose]();
  await target?.[Symbol.asyncDispose]();
  await restored?.[Symbol.asyncDispose]();
});

async function backedUp(config: string, level?: string, synthetic?: boolean): Promise<RunView> {
  const request = { config, ...(level ? { level } : {}), ...(synthetic ? { synthetic } : {}) };
  const run = await stack.runEnded(await stack.request('backup.requested', request));
  expect(run.error).toBeUndefined();
  return run;
}

async function now(): Promise<string> {
  await using client = await target.client('shop');
  const { rows: found } = await client.query<{ at: string }>(
    `SELECT to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS at`,
  );
  return found[0]?.at ?? '';
}

/** Commits rows one by one, and remembers moments between them. */
async function write(count: number): Promise<void> {
  await using client = await target.client('shop');
  for (let i = 0; i < count; i++) {
    await client.query('INSERT INTO ticks VALUES ($1::int, repeat(md5($1::int::text), 200))', [++rows]);
    if (i === count - 2) await named(client);
    if (i % 5 !== 2) continue;
    const { rows: found } = await client.query<{ at: string; lsn: string }>(
      `SELECT to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS at,
              pg_current_wal_insert_lsn()::text AS lsn`,
    );
    for (const { at, lsn } of found) seen.push({ rows, point: i % 2 === 0 ? { time: at } : { lsn } });
  }
}

async function named(client: TargetClient): Promise<void> {
  const name = `after ${rows}`;
  await client.query('SELECT pg_create_restore_point($1)', [name]);
  seen.push({ rows, point: { restorePoint: name } });
}

/** The server goes over to a new timeline. */
async function promoted(): Promise<void> {
  await target.stop();
  await writeFile(join(target.dataDir, 'standby.signal'), '');
  await target.restart();
  await using client = await target.client();
  await client.query('SELECT pg_promote()');
}

async function rowsIn(directory: string): Promise<{ count: number; last: number }> {
  await using server = await PrivatePostgres.start({ dataDir: directory });
  await using client = await connect(server.address('shop'), { applicationName: 'test' });
  const { rows: found } = await client.query<{ count: number; last: number; recovering: boolean }>(
    'SELECT count(*)::int AS count, coalesce(max(n), 0) AS last, pg_is_in_recovery() AS recovering FROM ticks',
  );
  expect(found[0]?.recovering).toBe(false);
  return { count: found[0]?.count ?? -1, last: found[0]?.last ?? -1 };
}

describe('a point in time', () => {
  it('is restored exactly, whichever it is', async () => {
    // Spread over all that was seen: before and after the crash, and the new timeline.
    const reachable = seen.filter((each) => each.rows > 20);
    const step = Math.max(1, Math.floor(reachable.length / POINTS));
    const chosen = reachable.filter((_, index) => index % step === 0 || index === reachable.length - 1);
    expect(chosen.length).toBeGreaterThanOrEqual(Math.min(POINTS, reachable.length));
    for (const [index, { point, rows: expected }] of chosen.entries()) {
      const directory = restored.join(`point-${index}`);
      const restore = await stack.restoreEnded(
        await stack.request('restore.requested', { config: 'files', directory, point }),
      );
      expect(restore.error, JSON.stringify(point)).toBeUndefined();
      expect(await rowsIn(directory), JSON.stringify(point)).toEqual({ count: expected, last: expected });
      expect(restore.reached?.timeline).toBeGreaterThan(1);
    }
    expect((await readdir(restored.path)).filter((name) => name.includes('.hozen-'))).toEqual([]);
  }, 600_000);

  it('is planned with the copy and the logs that lead there', async () => {
    const { point } = seen.find((each) => each.rows > 40 && each.point.time !== undefined) ?? {};
    const request = { config: 'files', directory: restored.join('planned'), point };
    const plan = await stack.post<RestorePlanView>('backup-worker', '/restores/plan', request);
    expect(plan).toMatchObject({
      obstacles: [],
      chain: [{ level: 'full' }],
      logs: { count: expect.any(Number) as number },
    });
    expect(plan.recoverable).toHaveLength(1);
  });

  it('is reached from a combined copy, even where that was made later: its files are of an earlier moment', async () => {
    expect(combined).toMatchObject({ level: 'full', warnings: [], artefact: { proof: { level: 'checksum' } } });
    const { point } = seen.find((each) => each.rows > rowsInCombined && each.point.time !== undefined) ?? {};
    const request = { config: 'files', directory: restored.join('planned'), point };
    const plan = await stack.post<RestorePlanView>('backup-worker', '/restores/plan', request);
    expect(plan).toMatchObject({ runId: combined.id, obstacles: [], chain: [{ level: 'full' }] });
  });

  it('that lies after the last log, or before the first copy, is refused with what can be reached', async () => {
    for (const time of [tooLate, '2020-01-01T00:00:00+09:00']) {
      const directory = restored.join('unreachable');
      const request = { config: 'files', directory, point: { time } };
      const plan = await stack.post<RestorePlanView>('backup-worker', '/restores/plan', request);
      expect(plan.obstacles).toMatchObject([{ kind: 'point-uncovered' }]);
      const restore = await stack.restoreEnded(await stack.request('restore.requested', request));
      expect(restore.error).toMatchObject({ code: 'RESTORE_IMPOSSIBLE' });
      expect(restore.error?.message).toContain(plan.recoverable?.[0]?.upTo);
    }
  });

  it('is the end of the logs where the latest is asked for, from the backup that was named', async () => {
    const runs = await stack.get<{ runs: RunView[] }>('backup-worker', '/backups?config=files');
    const full = runs.runs.find(({ level }) => level === 'full');
    const directory = restored.join('latest');
    const request = { run: full?.id, directory, point: { latest: true } };
    const restore = await stack.restoreEnded(await stack.request('restore.requested', request));
    expect(restore.error).toBeUndefined();
    expect(await rowsIn(directory)).toEqual({ count: rows, last: rows });
  });

  it('is not replayed from a log that was exchanged, whatever its manifest says', async () => {
    const { runs } = await stack.get<{ runs: RunView[] }>('backup-worker', '/backups?config=wal');
    const manifest = `${runs[0]?.artefact?.path}.manifest.json`;
    const pristine = await readFile(manifest, 'utf8');
    await writeFile(manifest, pristine.replaceAll(runs[0]?.artefact?.sha256 ?? '', '0'.repeat(64)));
    const request = { config: 'files', directory: restored.join('exchanged'), point: { latest: true } };
    const restore = await stack.restoreEnded(await stack.request('restore.requested', request));
    await writeFile(manifest, pristine);
    expect(restore).toMatchObject({ state: 'failed', error: { code: 'ARTEFACT_CORRUPT' } });
    expect(restore.error?.message).toContain('written down');
  });

  it.each(['restore.before-rename', 'restore.renamed'])(
    'is there once, and exactly, when the worker is killed at %s',
    async (place) => {
      const { point, rows: expected } = seen.find((each) => each.rows > 60) ?? {};
      const directory = restored.join(place);
      const dying = await stack.workerDyingAt(place);
      const request = await stack.request('restore.requested', { config: 'files', directory, point });
      await dying.exit();
      await stack.startService('backup-worker');
      expect(await stack.restoreEnded(request)).toMatchObject({
        state: 'completed',
        reached: { timeline: expect.any(Number) as number },
      });
      expect(await rowsIn(directory)).toEqual({ count: expected, last: expected });
      expect((await readdir(restored.path)).filter((name) => name.includes('.hozen-'))).toEqual([]);
    },
    120_000,
  );

  it('after which a tablespace was created is refused: replaying that would write into the folder of the server', async () => {
    const space = stack.home.join('space');
    await mkdir(space);
    await giveToServer(space);
    await using client = await target.client();
    await client.query(`CREATE TABLESPACE later LOCATION '${space}'`);
    await backedUp('wal');
    const request = { config: 'files', directory: restored.join('into'), point: { latest: true } };
    const plan = await stack.post<RestorePlanView>('backup-worker', '/restores/plan', request);
    expect(plan.obstacles).toEqual([{ kind: 'tablespace-created', what: space }]);
  });
});
