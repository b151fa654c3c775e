import { existsSync } from 'node:fs';
import { eventually, tempDir, TestPostgres } from '@hozen/testkit';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { completed, TestStack } from './spec-support/test-stack.js';

let services: TestPostgres;
let target: TestPostgres;

beforeAll(async () => {
  [services, target] = await Promise.all([
    TestPostgres.start(),
    TestPostgres.start({ settings: { autovacuum: false } }),
  ]);
});
afterAll(async () => {
  await services[Symbol.asyncDispose]();
  await target[Symbol.asyncDispose]();
});

/** A dead worker is noticed when its lease runs out: 15 seconds, and one look. */
const TAKEN_OVER = 25_000;

async function neglected(): Promise<string> {
  const database = await target.createDatabase();
  await using client = await target.client(database);
  await client.query('CREATE TABLE items (id integer PRIMARY KEY, code integer)');
  await client.query('INSERT INTO items SELECT n, n % 4999 FROM generate_series(1, 5000) AS n');
  await client.query('CREATE UNIQUE INDEX CONCURRENTLY items_code ON items (code)').catch(() => undefined);
  await client.query('DELETE FROM items WHERE id > 2500');
  return database;
}

async function indexesOf(database: string): Promise<string[]> {
  await using client = await target.client(database);
  const { rows } = await client.query<{ name: string }>(`
    SELECT c.relname || CASE WHEN i.indisvalid THEN '' ELSE ' (invalid)' END AS name
      FROM pg_index AS i JOIN pg_class AS c ON c.oid = i.indexrelid
     WHERE c.relnamespace = 'public'::regnamespace ORDER BY 1`);
  return rows.map(({ name }) => name);
}

async function oursOnTarget(): Promise<number> {
  await using client = await target.client();
  const { rows } = await client.query<{ n: number }>(
    `SELECT count(*)::integer AS n FROM pg_stat_activity WHERE application_name LIKE 'hozen/%'`,
  );
  return rows[0]?.n ?? 0;
}

it.concurrent.each([
  ['before and after the diagnosis is written', ['maintenance.diagnosing', 'maintenance.backup-requested']],
  [
    'before the diagnosis is written, and hearing of the backup',
    ['maintenance.diagnosed', 'maintenance.backup-answered'],
  ],
  ['before and after a step', ['maintenance.step-started', 'maintenance.step-performed']],
  [
    'before an index is rebuilt, and before the end is written',
    ['maintenance.index-marked', 'maintenance.before-finish'],
  ],
  ['beginning the work, and after the end is written', ['maintenance.optimizing', 'maintenance.finished']],
])(
  'a worker killed %s loses and doubles nothing',
  async (_when, names) => {
    await using stack = await TestStack.start(services);
    await using markers = await tempDir();
    stack.aim(target);
    const failpoints = names.map((name) => `${name}=kill@${markers.join(name)}`).join(',');
    const env = { HOZEN_FAILPOINTS: failpoints };
    let worker = await stack.startWorker(env);
    await stack.configure();
    const database = await neglected();
    const request = await stack.request({ targetDatabases: [database] });
    for (const name of names) {
      await worker.exit();
      expect(existsSync(markers.join(name))).toBe(true);
      worker = await stack.startWorker(env);
    }
    const terminal = await stack.terminalOf(request, 2 * TAKEN_OVER);
    expect(terminal).toMatchObject({ type: 'maintenance.completed', data: { tablesVacuumed: 1, indexesRebuilt: 1 } });
    const { safetyBackup } = await stack.run(request);
    expect(stack.of('backup.requested').map(({ id }) => id)).toEqual([safetyBackup.requestId]);
    expect(stack.of('maintenance.started')).toHaveLength(1);
    expect(await indexesOf(database)).toEqual(['items_code', 'items_pkey']);
    expect(await stack.rows('SELECT result FROM db_maintenance_history')).toEqual([{ result: 'completed' }]);
  },
  5 * TAKEN_OVER,
);

it.concurrent(
  'a worker killed while it rebuilds an index leaves a half-built copy, which its successor drops',
  async () => {
    await using stack = await TestStack.start(services);
    stack.aim(target);
    const first = await stack.startWorker();
    await stack.configure({ lockWaitSeconds: 60 });
    const database = await neglected();
    await using holder = await target.client(database);
    // REINDEX CONCURRENTLY waits for this snapshot, with its new copy already there.
    await holder.query('BEGIN ISOLATION LEVEL REPEATABLE READ');
    await holder.query('SELECT count(*) FROM items');
    const request = await stack.request({ targetDatabases: [database] });
    await eventually(async () => expect(await indexesOf(database)).toContain('items_code_ccnew (invalid)'));
    first.kill('SIGKILL');
    await first.exit();
    await stack.startWorker();
    await eventually(async () => expect((await stack.run(request)).worker).toBeDefined(), { within: TAKEN_OVER });
    expect(await indexesOf(database)).toContain('items_code_ccnew (invalid)');
    await holder.query('COMMIT');
    expect(await stack.terminalOf(request, 2 * TAKEN_OVER)).toMatchObject({
      type: 'maintenance.completed',
      data: { indexesRebuilt: 1 },
    });
    expect(await indexesOf(database)).toEqual(['items_code', 'items_pkey']);
  },
  5 * TAKEN_OVER,
);

it.concurrent(
  'a worker that was paused finds the run taken over, and says nothing',
  async () => {
    await using stack = await TestStack.start(services);
    await using markers = await tempDir();
    stack.aim(target);
    const paused = markers.join('paused');
    const first = await stack.startWorker({ HOZEN_FAILPOINTS: `maintenance.diagnosed=pause@${paused}` });
    await stack.configure();
    const request = await stack.request({ targetDatabases: [await neglected()] });
    await eventually(() => expect(existsSync(paused)).toBe(true));
    await stack.startWorker();
    // The answer may have been handed to the paused one first: it comes again when that does not settle it.
    expect(await stack.terminalOf(request, 90_000)).toMatchObject({ type: 'maintenance.completed' });
    first.kill('SIGCONT');
    first.kill('SIGTERM');
    await first.exit();
    await stack.terminalOf(request);
    expect(stack.of('backup.requested')).toHaveLength(1);
    expect(await stack.rows('SELECT result FROM db_maintenance_history')).toEqual([{ result: 'completed' }]);
  },
  6 * TAKEN_OVER,
);

it.concurrent(
  'an answer that comes before anyone waits for it counts',
  async () => {
    await using stack = await TestStack.start(services);
    stack.aim(target);
    stack.answer = () => undefined;
    // It takes requests in and hears answers, and does no work.
    await stack.startWorker({ HOZEN_EXECUTOR_LANES: '0' });
    await stack.configure();
    const request = await stack.request({ targetDatabases: [await neglected()] });
    const { safetyBackup, state } = await eventually(() => stack.run(request));
    expect(state).toBe('accepted');
    await stack.publish(completed('main')({ id: safetyBackup.requestId, data: { config: 'nightly' } }));
    await eventually(async () => expect((await stack.run(request)).safetyBackup.outcome).toBe('completed'));
    await stack.startWorker();
    expect(await stack.terminalOf(request)).toMatchObject({ type: 'maintenance.completed' });
  },
  5 * TAKEN_OVER,
);

it('nothing of ours is left on the target', async () => {
  await eventually(async () => expect(await oursOnTarget()).toBe(0));
});
