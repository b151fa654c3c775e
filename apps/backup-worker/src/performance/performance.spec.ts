import { randomUUID } from 'node:crypto';
import { BackupConfiguration, newEvent, requireValid, type TargetSpec } from '@hozen/contracts';
import { tempDir, TestPostgres, type TempDir } from '@hozen/testkit';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { backUp, jobFor } from '../backup.fixture.js';
import { applyConfiguration } from '../configs/apply-configuration.js';
import { acceptRestore } from '../restores/accept-restore.js';
import { findRestore, findRestoreRow } from '../restores/list-restores.js';
import { BackupStore } from '../spec-support/backup-store.js';
import type { CommittedArtefact } from '../storage/committed-artefact.js';
import { deviationsOf, measuresOf, type Counters, type Measures } from './measures.js';
import { normalAt, recordNormal } from './normal.js';
import { lookAt } from './performance-keeper.js';
import { claimTarget } from './take-sample.js';
import { beginWatch, endWatch, lookAtWatches } from './watch.js';

let store: BackupStore;
let server: TestPostgres;
let folder: TempDir;
let artefact: CommittedArtefact;
let targetId: string;

beforeAll(async () => {
  folder = await tempDir();
  const settings = { shared_preload_libraries: 'pg_stat_statements' };
  [store, server] = await Promise.all([BackupStore.start(), TestPostgres.start({ settings })]);
  await using client = await server.client();
  await client.query('CREATE EXTENSION pg_stat_statements');
  artefact = await backUp(jobFor(server.address(), folder.path));
}, 60_000);
afterAll(async () => {
  await Promise.all([store, server, folder].map((each) => each?.[Symbol.asyncDispose]()));
});
beforeEach(async () => {
  await store.database.query(
    `TRUNCATE backup_configs, backup_targets, backup_runs, backup_artefacts, restores, outbox, performance_schedules,
              performance_samples, performance_watches CASCADE`,
  );
  const { host, port, user } = server.address();
  const about = { kind: 'postgres', host, port, user, password: `env:HOZEN_TEST_PASSWORD_${port}` };
  const wanted = requireValid(BackupConfiguration, {
    targets: [
      { ...about, name: 'shop', baseline: {} },
      { ...about, name: 'unseen' },
    ],
    configs: [{ name: 'nightly', target: 'shop', storage: { kind: 'file', path: folder.path } }],
  });
  await store.database.transaction((manager) => applyConfiguration(manager, wanted, false));
  const [found] = await store.database.query<{ id: string }[]>(
    `SELECT id FROM backup_targets WHERE target_name = 'shop'`,
  );
  targetId = found?.id ?? '';
});

const COUNTED: Counters = {
  at: 1_000,
  startedAt: 1,
  commits: 100,
  blocksRead: 1_000,
  blocksHit: 9_000,
  readMs: 50,
  tempBytes: 0,
  deadlocks: 0,
  connections: 7,
  roundTripMs: 0.4,
  statements: { calls: 10, ms: 100 },
};
const LATER: Counters = {
  ...COUNTED,
  at: 1_010,
  commits: 600,
  blocksRead: 2_000,
  blocksHit: 18_000,
  readMs: 150,
  deadlocks: 1,
  statements: { calls: 20, ms: 130 },
};

/** Looks as they would stand there. @param ago seconds before now, of the last one */
async function looked(measures: Measures, times: number, ago = 0, apart = 60): Promise<void> {
  await store.database.query(
    `INSERT INTO performance_samples (target_id, sampled_at, counters, measures)
     SELECT $1, clock_timestamp() - make_interval(secs => $3 + $4 * n), '{}', $2::jsonb FROM generate_series(0, $5::int - 1) AS n`,
    [targetId, JSON.stringify(measures), ago, apart, times],
  );
}

async function restore(): Promise<string> {
  const runId = await store.completed('nightly', artefact);
  const data = { run: runId, target: 'shop', databases: [{ name: 'postgres', as: 'copy' }] };
  const event = newEvent('restore.requested', data, { source: 'spec', id: randomUUID() });
  await store.outbox.transaction((tx) => acceptRestore(tx, event));
  const row = await findRestoreRow(store.database.manager, event.id);
  const [target] = await store.database.query<{ spec: TargetSpec }[]>('SELECT spec FROM backup_targets WHERE id = $1', [
    targetId,
  ]);
  if (target) await recordNormal(store.database, row, target.spec);
  return row.id;
}

async function told(id: string): Promise<string[]> {
  return (await store.eventsOf(id)).filter((type) => type.startsWith('restore.performance'));
}

async function begun(id: string, ago: string): Promise<void> {
  await store.outbox.transaction((tx) => beginWatch(tx, id, true));
  await store.database.query(`UPDATE performance_watches SET begins_at = begins_at - $1::interval`, [ago]);
}

const NORMAL: Measures = { roundTripMs: 10, commitsPerSecond: 100, connections: 20 };
const SLOW: Measures = { roundTripMs: 12.5, commitsPerSecond: 100, connections: 20 };

describe('what is measured of a server', () => {
  it('is what it counted between two looks', () => {
    expect(measuresOf(LATER, COUNTED, 60)).toEqual({
      roundTripMs: 0.4,
      connections: 7,
      commitsPerSecond: 50,
      readMsPerSecond: 10,
      tempBytesPerSecond: 0,
      deadlocksPerHour: 360,
      cacheHitPercent: 90,
      statementMs: 3,
    });
  });

  it.each([
    ['there was no look before', undefined],
    ['that is too long ago', { ...COUNTED, at: 900 }],
    ['it was started again', { ...COUNTED, startedAt: 0 }],
    ['its statistics began anew', { ...COUNTED, commits: 700 }],
    ['those of its statements began anew', { ...COUNTED, statements: { calls: 30, ms: 1 } }],
  ])('has no rates where %s', (_why, before) => {
    expect(measuresOf(LATER, before, 60)).toEqual({ roundTripMs: 0.4, connections: 7 });
  });

  it('deviates up and down, by more than a part of the normal and by more than noise', () => {
    const names = (now: Measures, normal: Measures) => deviationsOf(now, normal, 20).map(({ measure }) => measure);
    expect(names({ roundTripMs: 12.1, commitsPerSecond: 79 }, NORMAL)).toEqual(['roundTripMs', 'commitsPerSecond']);
    expect(names({ roundTripMs: 11.9, commitsPerSecond: 81 }, NORMAL)).toEqual([]);
    expect(names({ roundTripMs: 0.9 }, { roundTripMs: 0.1 })).toEqual([]);
    expect(names({ statementMs: 5 }, NORMAL)).toEqual([]);
  });

  it('is compared with the same hour of the day, where that is known', () => {
    const normal = { always: { connections: 20, roundTripMs: 1 }, hours: { '3': { connections: 2 } } };
    expect(normalAt(normal, 3)).toEqual({ connections: 2, roundTripMs: 1 });
    expect(normalAt(normal, 4)).toEqual({ connections: 20, roundTripMs: 1 });
  });
});

describe('a server that is looked at', () => {
  it('is one that asks for it, by one worker at a time, and again when its time has come', async () => {
    const [one, other] = await Promise.all([claimTarget(store.database), claimTarget(store.database)]);
    expect([one, other].filter((due) => due !== undefined).map((due) => due?.name)).toEqual(['shop']);
    expect(await claimTarget(store.database)).toBeUndefined();
    await store.database.query(`UPDATE performance_schedules SET next_at = next_at - interval '61 seconds'`);
    expect(await claimTarget(store.database)).toMatchObject({ id: targetId, name: 'shop' });
  });

  it('says what it did since the look before, of its statements too', async () => {
    const due = await claimTarget(store.database);
    if (!due) throw new Error('nothing is due');
    await lookAt(store.database, store.outbox, due);
    await using client = await server.client();
    // What a session did is counted for all to see when it ends.
    for (let n = 0; n < 50; n++) await client.query('SELECT count(*) FROM generate_series(1, 1000)');
    await client.end();
    await lookAt(store.database, store.outbox, due);
    const [, second] = await store.database.query<{ measures: Measures }[]>(
      'SELECT measures FROM performance_samples ORDER BY sampled_at',
    );
    expect(second?.measures.commitsPerSecond).toBeGreaterThan(1);
    expect(second?.measures.statementMs).toBeGreaterThan(0);
    expect(second?.measures.roundTripMs).toBeGreaterThan(0);
    expect(second?.measures.connections).toBeGreaterThanOrEqual(1);
  });

  it('that does not answer leaves a hole, and nothing else', async () => {
    const due = await claimTarget(store.database);
    const spec = { ...(due?.spec as object), port: 1 };
    await lookAt(store.database, store.outbox, { id: targetId, name: 'shop', spec });
    expect(await store.database.query('SELECT FROM performance_samples')).toEqual([]);
  });
});

describe('a server that was restored in place', () => {
  it('is watched: people are told once when it deviates, once when it does not, and in the end', async () => {
    await looked(NORMAL, 50, 3600);
    const id = await restore();
    expect(await findRestore(store.database, id)).toMatchObject({ watch: { state: 'recorded', deviations: [] } });
    await begun(id, '10 minutes');
    // A single slow look is not told of.
    await looked(SLOW, 2);
    await lookAtWatches(store.outbox, targetId);
    expect(await told(id)).toEqual([]);
    await looked(SLOW, 3, 200);
    await lookAtWatches(store.outbox, targetId);
    await lookAtWatches(store.outbox, targetId);
    expect(await told(id)).toEqual(['restore.performance_deviates']);
    const { watch } = await findRestore(store.database, id);
    expect(watch).toMatchObject({
      state: 'watching',
      thresholdPercent: 20,
      deviations: [{ measure: 'roundTripMs', normal: 10, now: 12.5 }],
    });
    expect(Date.parse(watch?.until ?? '') - Date.now()).toBeGreaterThan(23.9 * 3_600_000);
    await looked(NORMAL, 40, 0, 5);
    await lookAtWatches(store.outbox, targetId);
    await lookAtWatches(store.outbox, targetId);
    expect(await told(id)).toEqual(['restore.performance_deviates', 'restore.performance_normal']);
    expect(await endWatch(store.outbox)).toBe(false);
    await store.database.query('UPDATE performance_watches SET ends_at = clock_timestamp()');
    // Whichever worker comes first: once.
    expect((await Promise.all([endWatch(store.outbox), endWatch(store.outbox)])).toSorted()).toEqual([false, true]);
    expect((await told(id)).at(-1)).toBe('restore.performance_watched');
    expect(await findRestore(store.database, id)).toMatchObject({ watch: { state: 'ended', verdict: 'deviated' } });
    await lookAtWatches(store.outbox, targetId);
    expect(await told(id)).toHaveLength(3);
  });

  it.each([
    ['well', NORMAL, NORMAL],
    ['unknown', {}, NORMAL],
    ['unknown', NORMAL, undefined],
  ] as const)('is said to have performed %s in the end', async (verdict, before, after) => {
    await looked(before, 50, 3600);
    const id = await restore();
    await begun(id, '10 minutes');
    if (after) await looked(after, 5);
    await lookAtWatches(store.outbox, targetId);
    await store.database.query('UPDATE performance_watches SET ends_at = clock_timestamp()');
    expect(await endWatch(store.outbox)).toBe(true);
    expect(await told(id)).toEqual(['restore.performance_watched']);
    expect(await findRestore(store.database, id)).toMatchObject({ watch: { state: 'ended', verdict } });
  });

  it('is compared with what was normal before, whatever a second worker would find', async () => {
    await looked(NORMAL, 50, 3600);
    const id = await restore();
    await looked(SLOW, 500, 7200, 1);
    const row = await findRestoreRow(store.database.manager, id);
    await recordNormal(store.database, row, {
      baseline: { everySeconds: 60, thresholdPercent: 1, hours: 1 },
    } as TargetSpec);
    const [watch] = await store.database.query<{ normal: { always: Measures }; hours: number }[]>(
      'SELECT normal, hours FROM performance_watches',
    );
    expect(watch).toMatchObject({ normal: { always: NORMAL }, hours: 24 });
  });

  it('is not watched where the restore failed, or where the target does not ask for it', async () => {
    const id = await restore();
    await store.outbox.transaction((tx) => beginWatch(tx, id, false));
    const row = await findRestoreRow(store.database.manager, id);
    await recordNormal(store.database, row, {} as TargetSpec);
    expect((await findRestore(store.database, id)).watch).toBeUndefined();
  });
});
