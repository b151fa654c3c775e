import { RetrySpec, type MaintenanceRetriesSpec } from '@hozen/contracts';
import { eventually, TestPostgres } from '@hozen/testkit';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { completed, failed, rejected, TestStack } from './spec-support/test-stack.js';

let services: TestPostgres;
let target: TestPostgres;
/** One worker for the tests that do it no harm; each has a database and a request of its own. */
let stack: TestStack;

beforeAll(async () => {
  [services, target] = await Promise.all([
    TestPostgres.start(),
    TestPostgres.start({ settings: { autovacuum: false, max_prepared_transactions: 5 } }),
  ]);
  stack = await ready(target);
});
beforeEach(async () => {
  stack.answer = completed('main');
  await stack.configure();
});
afterAll(async () => {
  await stack[Symbol.asyncDispose]();
  await services[Symbol.asyncDispose]();
  await target[Symbol.asyncDispose]();
});

async function ready(server: TestPostgres): Promise<TestStack> {
  const stack = await TestStack.start(services);
  stack.aim(server);
  await stack.startWorker();
  await stack.configure();
  return stack;
}

/** A table with dead rows, no statistics, and an index that a failed CREATE INDEX CONCURRENTLY left invalid. */
async function neglected(server: TestPostgres, database: string, table = 'items', index = 'items_code'): Promise<void> {
  await using client = await server.client(database);
  const [t, i] = [client.escapeIdentifier(table), client.escapeIdentifier(index)];
  await client.query(`CREATE TABLE ${t} (id integer PRIMARY KEY, code integer)`);
  await client.query(`INSERT INTO ${t} SELECT n, n % 4999 FROM generate_series(1, 5000) AS n`);
  await client.query(`CREATE UNIQUE INDEX CONCURRENTLY ${i} ON ${t} (code)`).catch(() => undefined);
  await client.query(`DELETE FROM ${t} WHERE id > 2500`);
}

function transientRetries(times: number, seconds: number): MaintenanceRetriesSpec {
  const never = RetrySpec.of(0, 0, false);
  return { transient: RetrySpec.of(times, seconds, false), resources: never, integrity: never };
}

interface IndexRow {
  name: string;
  valid: boolean;
}

async function indexesOf(server: TestPostgres, database: string): Promise<IndexRow[]> {
  await using client = await server.client(database);
  const { rows } = await client.query<IndexRow>(`
    SELECT c.relname AS name, i.indisvalid AS valid FROM pg_index AS i JOIN pg_class AS c ON c.oid = i.indexrelid
     WHERE c.relnamespace = 'public'::regnamespace ORDER BY 1`);
  return rows;
}

describe('an optimisation', () => {
  it('is diagnosed, backed up, carried out, and told', async () => {
    const database = await target.createDatabase();
    await neglected(target, database);
    const request = await stack.request({ targetDatabases: [database, database], requestedBy: 'dba' });
    const terminal = await stack.terminalOf(request);
    expect(terminal).toMatchObject({
      type: 'maintenance.completed',
      data: { tablesVacuumed: 1, indexesRebuilt: 1, targetDatabases: [database] },
    });
    const ofRequest = (event: { data: { requestId: string } }) => event.data.requestId === request;
    expect(stack.of('maintenance.accepted').filter(ofRequest)).toHaveLength(1);
    expect(stack.of('maintenance.started').filter(ofRequest)).toHaveLength(1);
    const run = await stack.run(request);
    const asked = await stack.backupRequestOf(request);
    expect(asked.data).toEqual({
      config: 'nightly',
      reason: `safety backup before maintenance ${run.id}`,
      requestedBy: 'maintenance-worker',
      overrideWindow: true,
    });
    expect(run.steps?.map(({ kind, object, state }) => [kind, object, state])).toEqual([
      ['vacuum', 'public.items', 'done'],
      ['reindex', 'public.items_code', 'done'],
    ]);
    expect(await indexesOf(target, database)).toEqual([
      { name: 'items_code', valid: true },
      { name: 'items_pkey', valid: true },
    ]);
    await using client = await target.client(database);
    const { rows } = await client.query(`
      SELECT n_dead_tup::integer AS dead, last_analyze IS NOT NULL AS analysed FROM pg_stat_user_tables`);
    expect(rows).toEqual([{ dead: 0, analysed: true }]);
    const moments = await stack.rows<{ moment: string; rules: string[] }>(
      `
      SELECT moment, ARRAY(SELECT f ->> 'rule' FROM jsonb_array_elements(status -> 'findings') AS f
                            WHERE f ->> 'database' = $1 ORDER BY 1) AS rules FROM db_status WHERE run_id = $2 ORDER BY id`,
      [database, run.id],
    );
    expect(moments).toEqual([
      { moment: 'before', rules: ['dead-rows', 'invalid-index', 'stale-statistics'] },
      { moment: 'after', rules: [] },
    ]);
    expect(await stack.status()).toMatchObject({ target: 'main', runId: run.id, moment: 'after' });
    expect(
      await stack.rows(
        'SELECT result, tables_vacuumed, indexes_rebuilt, requested_by FROM db_maintenance_history WHERE run_id = $1',
        [run.id],
      ),
    ).toEqual([{ result: 'completed', tables_vacuumed: 1, indexes_rebuilt: 1, requested_by: 'dba' }]);
    expect(await stack.get('/maintenance?state=completed&target=main&limit=1')).toMatchObject({
      runs: [{ id: run.id }],
    });
  });

  it('works with names that would break quoting, in databases, tables and indexes', async () => {
    const database = await target.createDatabase(`-d"a'b\\c; DROP 名 %s\n=x`);
    const long = `${'長'.repeat(20)}ab`;
    await neglected(target, database, `t"able '; --\n{x}`, long);
    const request = await stack.request({ targetDatabases: [database] });
    expect(await stack.terminalOf(request)).toMatchObject({
      type: 'maintenance.completed',
      data: { tablesVacuumed: 1, indexesRebuilt: 1 },
    });
    expect((await indexesOf(target, database)).every((index) => index.valid)).toBe(true);
  });

  it('does what can be done, and fails with what cannot', async () => {
    const database = await target.createDatabase();
    await neglected(target, database);
    await using client = await target.client(database);
    await client.query(`INSERT INTO items VALUES (9998, 1), (9999, 1)`);
    await expect(client.query('REINDEX INDEX CONCURRENTLY items_code')).rejects.toThrow(
      'could not create unique index',
    );
    const request = await stack.request({ targetDatabases: [database] });
    const terminal = await stack.terminalOf(request);
    expect(terminal.data.error).toMatchObject({ code: 'MAINTENANCE_STEP_FAILED' });
    expect(terminal.data.error?.message).toContain('items_code');
    expect((await stack.run(request)).steps?.map(({ state }) => state)).toEqual(['done', 'failed']);
    // Our half-built copy is gone; what was there before, another's copy included, is still there.
    expect(await indexesOf(target, database)).toEqual([
      { name: 'items_code', valid: false },
      { name: 'items_code_ccnew', valid: false },
      { name: 'items_pkey', valid: true },
    ]);
  });

  it('never touches what a rebuild of somebody else has left', async () => {
    const database = await target.createDatabase();
    await neglected(target, database);
    {
      await using client = await target.client(database);
      await client.query(`INSERT INTO items VALUES (9998, 1), (9999, 1)`);
      await expect(client.query(`REINDEX INDEX CONCURRENTLY items_code`)).rejects.toThrow();
      await client.query(`DELETE FROM items WHERE id > 9000`);
    }
    const request = await stack.request({ targetDatabases: [database] });
    expect(await stack.terminalOf(request)).toMatchObject({ type: 'maintenance.completed' });
    expect(await indexesOf(target, database)).toEqual([
      { name: 'items_code', valid: true },
      { name: 'items_code_ccnew', valid: false },
      { name: 'items_pkey', valid: true },
    ]);
  });

  it('waits for a lock for a while, and fails without leaving anything', async () => {
    await stack.configure({ lockWaitSeconds: 1, retries: transientRetries(0, 0) });
    const database = await target.createDatabase();
    await neglected(target, database);
    await using holder = await target.client(database);
    await using other = await target.client(database);
    // REINDEX CONCURRENTLY waits for every older snapshot; VACUUM does not.
    await holder.query('BEGIN ISOLATION LEVEL REPEATABLE READ');
    await holder.query('SELECT count(*) FROM items');
    const request = await stack.request({ targetDatabases: [database] });
    const terminal = await stack.terminalOf(request);
    expect(terminal.data.error).toMatchObject({ code: 'TARGET_LOCKED' });
    const { rows } = await other.query<{ n: number }>(
      `SELECT count(*)::integer AS n FROM pg_class WHERE relname ~ '_cc(new|old)'`,
    );
    await holder.query('COMMIT');
    if (rows[0]?.n !== 0) {
      // The drop waits for the same snapshot; the next run has it.
      const again = await stack.request({ targetDatabases: [database] });
      await stack.terminalOf(again);
    }
    expect((await indexesOf(target, database)).map(({ name }) => name)).toEqual(['items_code', 'items_pkey']);
  });

  it('can be cancelled while it waits for its backup, and answers that come later change nothing', async () => {
    stack.answer = () => undefined;
    const database = await target.createDatabase();
    const request = await stack.request({ targetDatabases: [database] });
    const asked = await stack.backupRequestOf(request);
    expect((await stack.post(`/maintenance/${request}/cancel`)).status).toBe(202);
    const terminal = await stack.terminalOf(request);
    expect(terminal.data.error).toMatchObject({ code: 'CANCELLED' });
    await stack.publish(completed('main')(asked));
    await stack.terminalOf(await stack.request({ target: 'nowhere', targetDatabases: ['x'] }));
    expect(await stack.run(request)).toMatchObject({ state: 'cancelled' });
    await stack.terminalOf(request);
  });
});

describe('the safety backup', () => {
  it.each([
    ['failed', failed, 'DISK_FULL'],
    ['was rejected', rejected, 'there is no backup config of this name'],
    ['was of another target', completed('elsewhere'), 'backs up target "elsewhere"'],
  ])('that %s ends the maintenance with nothing changed', async (_how, answer, reason) => {
    stack.answer = answer;
    const database = await target.createDatabase();
    await neglected(target, database);
    const request = await stack.request({ targetDatabases: [database] });
    const terminal = await stack.terminalOf(request);
    expect(terminal.data.error).toMatchObject({ code: 'MAINTENANCE_BACKUP_FAILED' });
    expect(terminal.data.error?.message).toContain(reason);
    expect((await indexesOf(target, database)).find(({ name }) => name === 'items_code')?.valid).toBe(false);
    expect((await stack.run(request)).steps?.every(({ state }) => state === 'skipped')).toBe(true);
  });

  it('that is never answered ends the maintenance at its deadline; an answer after it changes nothing', async () => {
    stack.answer = () => undefined;
    const database = await target.createDatabase();
    const request = await stack.request({ targetDatabases: [database] });
    await eventually(async () => expect((await stack.run(request)).state).toBe('backing_up'));
    await stack.rows(`UPDATE maintenance_runs SET backup_deadline = now() WHERE request_id = $1`, [request]);
    const terminal = await stack.terminalOf(request);
    expect(terminal.data.error?.message).toContain('no answer came');
    const asked = await stack.backupRequestOf(request);
    await stack.publish(completed('main')(asked));
    await stack.terminalOf(await stack.request({ target: 'nowhere', targetDatabases: ['x'] }));
    await stack.terminalOf(request);
    expect(await stack.run(request)).toMatchObject({ state: 'failed' });
  });

  it('may be answered twice and counts once', async () => {
    const database = await target.createDatabase();
    stack.answer = () => undefined;
    const request = await stack.request({ targetDatabases: [database] });
    const asked = await stack.backupRequestOf(request);
    await stack.publish(completed('main')(asked));
    await stack.publish(completed('main')(asked));
    expect(await stack.terminalOf(request)).toMatchObject({ type: 'maintenance.completed' });
  });
});

describe('a request', () => {
  it('is refused with every reason', async () => {
    const request = await stack.request({
      target: 'nowhere',
      maintenanceType: 'rebuild',
      targetDatabases: ['x', 'y'.repeat(64)],
    });
    const terminal = await stack.terminalOf(request);
    expect(terminal).toMatchObject({ type: 'maintenance.rejected', data: { target: 'nowhere' } });
    const { reasons } = terminal.data as unknown as { reasons: { field: string }[] };
    expect(reasons.map(({ field }) => field)).toEqual(['target', 'maintenanceType', 'targetDatabases.1']);
  });

  it('without a known backup config is refused', async () => {
    await stack.put('/configuration', { targets: [{ name: 'bare', kind: 'postgres', host: 'x' }], backupConfigs: {} });
    const terminal = await stack.terminalOf(await stack.request({ target: 'bare', targetDatabases: ['x'] }));
    expect(terminal).toMatchObject({ type: 'maintenance.rejected', data: { reasons: [{ field: 'backupConfig' }] } });
  });

  it('for databases that do not exist or are closed ends before anything is asked for, with the diagnosis kept', async () => {
    const closed = await target.createDatabase();
    {
      await using client = await target.client();
      await client.query(`ALTER DATABASE ${client.escapeIdentifier(closed)} ALLOW_CONNECTIONS false`);
    }
    const request = await stack.request({ targetDatabases: ['no such', closed] });
    const terminal = await stack.terminalOf(request);
    expect(terminal.data.error).toMatchObject({ code: 'MAINTENANCE_IMPOSSIBLE' });
    expect(terminal.data.error?.message).toContain('there is no database "no such"');
    expect(terminal.data.error?.message).toContain('closed to connections');
    expect((await stack.run(request)).safetyBackup.requestedAt).toBeUndefined();
    expect(await stack.status()).toMatchObject({ moment: 'before' });
  });
});

describe('a target that is down', () => {
  it('at the diagnosis is tried again, and then the maintenance fails with nothing asked for', async () => {
    await using own = await TestPostgres.start();
    await using stack = await ready(own);
    await own.stop('immediate');
    const request = await stack.request({ targetDatabases: ['postgres'] });
    const terminal = await stack.terminalOf(request);
    expect(terminal.data.error).toMatchObject({ code: 'DIAGNOSIS_FAILED' });
    expect(terminal.data.error?.message).toContain('TARGET_UNREACHABLE');
    expect(stack.of('backup.requested')).toEqual([]);
    expect(await stack.rows(`SELECT retries_used FROM maintenance_runs`)).toEqual([{ retries_used: { transient: 2 } }]);
    await own.restart();
  });

  it('while it is worked on is waited for, and the work goes on where it stopped', async () => {
    await using own = await TestPostgres.start({ settings: { autovacuum: false } });
    await using stack = await ready(own);
    const database = await own.createDatabase();
    await neglected(own, database);
    await stack.configure({ retries: transientRetries(2, 2) });
    let crash: Promise<void> | undefined;
    stack.answer = (request) => {
      crash = own.restart('immediate');
      return completed('main')(request);
    };
    const request = await stack.request({ targetDatabases: [database] });
    expect(await stack.terminalOf(request)).toMatchObject({ type: 'maintenance.completed' });
    await crash;
    expect((await indexesOf(own, database)).every((index) => index.valid)).toBe(true);
  });
});

describe('the configuration', () => {
  it('tells what it would change, changes it once, and refuses what leads nowhere', async () => {
    const body = {
      targets: [{ name: 'a', kind: 'postgres', host: 'h' }],
      backupConfigs: { a: 'applied' },
      settings: [{ target: 'a', timeoutMinutes: 5 }],
    };
    const kinds = async (path: string) => {
      const changes = (await (await stack.put(path, body)).json()) as { changes: { kind: string; change: string }[] };
      return changes.changes.map(({ kind, change }) => `${kind} ${change}`);
    };
    expect(await kinds('/configuration?dryRun=true')).toEqual(['target create', 'setting create']);
    expect(await kinds('/configuration')).toEqual(['target create', 'setting create']);
    expect(await kinds('/configuration')).toEqual(['target unchanged', 'setting unchanged']);
    expect(
      await stack.rows(
        `SELECT backup_config, timeout_minutes, lock_wait_seconds FROM maintenance_settings WHERE backup_config = 'applied'`,
      ),
    ).toEqual([{ backup_config: 'applied', timeout_minutes: 5, lock_wait_seconds: 60 }]);
    const proposal = { targets: [], backupConfigs: {}, proposedConfigs: { a: 'another' } };
    expect(await (await stack.put('/configuration', proposal)).json()).toMatchObject({ changes: [] });
    const wrong = await stack.put('/configuration', {
      targets: [],
      backupConfigs: { b: 7 },
      settings: [{ target: 'c' }],
    });
    expect(wrong.status).toBe(400);
    expect(((await wrong.json()) as { reasons: unknown[] }).reasons).toHaveLength(3);
  });
});
