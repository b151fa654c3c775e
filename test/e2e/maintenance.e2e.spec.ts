import type { MaintenanceCompleted } from '@hozen/contracts';
import { eventually, type TestPostgres } from '@hozen/testkit';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { sampleConfiguration, sampleTarget, waitingForALock } from '../src/sample-target.js';
import { Stack } from '../src/stack.js';

let target: TestPostgres;
let stack: Stack;

beforeAll(async () => {
  target = await sampleTarget();
  const services = ['backup-worker', 'maintenance-worker', 'notifier'] as const;
  stack = await Stack.start([...services], { SAMPLE_PASSWORD: target.password });
  const configuration = sampleConfiguration(target, stack.home.join('storage')) as { targets: object[] };
  await stack.configureBackups(configuration);
  await stack.put('maintenance-worker', { targets: configuration.targets, backupConfigs: { sample: 'nightly' } });
});
afterAll(async () => {
  await stack?.[Symbol.asyncDispose]();
  await target?.[Symbol.asyncDispose]();
});

const REQUEST = { target: 'sample', maintenanceType: 'optimize', targetDatabases: ['shop'], severityLevel: 'high' };

/** An index that a failed build left behind, as people have them. */
async function leaveInvalidIndex(): Promise<void> {
  await using shop = await target.client('shop');
  await shop.query('CREATE TABLE IF NOT EXISTS twice (id int)');
  await shop.query('INSERT INTO twice VALUES (1), (1)');
  await expect(shop.query('CREATE UNIQUE INDEX CONCURRENTLY twice_id ON twice (id)')).rejects.toThrow(/unique/);
  await shop.query('DELETE FROM twice WHERE ctid = (SELECT min(ctid) FROM twice)');
}

it('two services hold a conversation by events alone: diagnosis, proven safety backup, optimisation, report', async () => {
  await leaveInvalidIndex();
  const request = await stack.request('maintenance.requested', REQUEST);
  const completed = await stack.events.waitFor<MaintenanceCompleted>('maintenance.completed', request);
  expect(completed.data).toMatchObject({ target: 'sample', targetDatabases: ['shop'] });
  expect(completed.data.indexesRebuilt).toBeGreaterThanOrEqual(1);
  const backup = await stack.run(completed.data.backupRunId);
  expect(backup).toMatchObject({
    state: 'completed',
    requestedBy: 'maintenance-worker',
    artefact: { proof: { level: 'restore' } },
  });
  await using shop = await target.client('shop');
  const { rows } = await shop.query(`SELECT indisvalid FROM pg_index WHERE indexrelid = 'twice_id'::regclass`);
  expect(rows).toEqual([{ indisvalid: true }]);
  await using platform = await stack.platform.client(stack.databases.database);
  const history = await platform.query('SELECT * FROM maintenance.db_maintenance_history');
  expect(history.rows).toHaveLength(1);
  const status = await platform.query('SELECT * FROM maintenance.db_status');
  expect(status.rowCount).toBeGreaterThanOrEqual(1);
  await stack.mail.waitFor((mail) => mail.text.includes(completed.data.runId));
  expect(stack.events.terminalOf(request)).toHaveLength(1);
});

it('each survives the death of the other in the middle of it', async () => {
  await using blocker = await target.client('shop');
  await blocker.query('BEGIN; LOCK TABLE orders IN ACCESS EXCLUSIVE MODE');
  const request = await stack.request('maintenance.requested', REQUEST);
  await waitingForALock(target);
  for (const app of ['maintenance-worker', 'backup-worker'] as const) {
    const service = stack.service(app);
    service.signal('SIGKILL');
    await service.exit();
  }
  await blocker.query('ROLLBACK');
  await Promise.all([stack.startService('backup-worker'), stack.startService('maintenance-worker')]);
  await stack.events.waitFor('maintenance.completed', request, 120_000);
  await stack.quietTime();
  expect(stack.events.terminalOf(request)).toHaveLength(1);
  await eventually(async () => {
    const { runs } = await stack.get<{ runs: { state: string }[] }>('backup-worker', '/backups?state=running');
    expect(runs).toEqual([]);
  });
});

it('a safety backup that fails stops the maintenance before anything is changed', async () => {
  const configuration = sampleConfiguration(target, '/proc/version/nowhere', { name: 'broken' }) as {
    targets: object[];
  };
  await stack.configureBackups(configuration);
  const request = await stack.request('maintenance.requested', { ...REQUEST, backupConfig: 'broken' });
  const failed = await stack.events.waitFor<{ error: { code: string; message: string } }>(
    'maintenance.failed',
    request,
  );
  expect(failed.data.error.code).toBe('MAINTENANCE_BACKUP_FAILED');
  expect(failed.data.error.message).toContain('STORAGE_UNWRITABLE');
});
