import { randomUUID } from 'node:crypto';
import { mkdir, symlink } from 'node:fs/promises';
import { asIdentity, type Identity } from '@hozen/access';
import { BackupConfiguration, newEvent, requireValid, RestoreRequested, type RestorePlanView } from '@hozen/contracts';
import { findProgram } from '@hozen/dbms';
import { tempDir, TestPostgres, type TempDir } from '@hozen/testkit';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { backUp, jobFor } from '../backup.fixture.js';
import { applyConfiguration } from '../configs/apply-configuration.js';
import { BackupStore } from '../spec-support/backup-store.js';
import type { CommittedArtefact } from '../storage/committed-artefact.js';
import { acceptRestore } from './accept-restore.js';
import { approveRestore, requireDba } from './ask-in-place.js';
import { claimRestore } from './claim-restore.js';
import { cancelRestore, findRestore, findRestoreRow } from './list-restores.js';
import { planRequest } from './plan-request.js';
import type { RestoreRow } from './restore-row.js';

const ALICE: Identity = { name: 'alice', role: 'dba' };
const BOB: Identity = { name: 'bob', role: 'dba' };

let store: BackupStore;
let server: TestPostgres;
let folder: TempDir;
let artefact: CommittedArtefact;
let runId: string;

beforeAll(async () => {
  folder = await tempDir();
  [store, server] = await Promise.all([BackupStore.start(), TestPostgres.start()]);
  const { host, port, user } = server.address();
  await server.createDatabase('shop');
  await server.createDatabase('crm');
  for (const name of ['shop', 'crm']) {
    await using client = await server.client(name);
    await client.query(`CREATE TABLE t AS SELECT 'old' AS state, n FROM generate_series(1, 1000) AS n`);
  }
  await using admin = await server.client();
  await admin.query('CREATE ROLE app LOGIN');
  await admin.query('ALTER DATABASE shop CONNECTION LIMIT 7');
  artefact = await backUp(jobFor(server.address(), folder.path));
  const wanted = requireValid(BackupConfiguration, {
    targets: [
      {
        name: 'shop',
        kind: 'postgres',
        host,
        port,
        user,
        password: `env:HOZEN_TEST_PASSWORD_${port}`,
        baseline: {},
      },
    ],
    configs: [{ name: 'nightly', target: 'shop', storage: { kind: 'file', path: folder.path } }],
  });
  await store.database.transaction((manager) => applyConfiguration(manager, wanted, false));
}, 60_000);
afterAll(async () => {
  await Promise.all([store, server, folder].map((each) => each?.[Symbol.asyncDispose]()));
});
beforeEach(async () => {
  await store.database.query('TRUNCATE restores, backup_artefacts, backup_runs, outbox CASCADE');
  runId = await store.completed('nightly', artefact);
  for (const name of ['shop', 'crm']) {
    await using client = await server.client(name);
    await client.query(`UPDATE t SET state = 'new'`);
  }
});
afterEach(async () => {
  delete process.env['HOZEN_FAILPOINTS'];
  await using admin = await server.client();
  const { rows } = await admin.query<{ name: string }>(
    `SELECT datname::text AS name FROM pg_database WHERE datname LIKE '%\\_before\\_%' OR datname LIKE 'hozen\\_%'`,
  );
  for (const { name } of rows) await admin.query(`DROP DATABASE ${admin.escapeIdentifier(name)}`);
});

const body = (change: object = {}) =>
  requireValid(RestoreRequested, {
    run: runId,
    target: 'shop',
    databases: [{ name: 'shop' }, { name: 'crm' }],
    inPlace: true,
    ...change,
  });

/** As the controller does it. */
async function ask(change: object = {}, asker = ALICE): Promise<{ id: string; plan: RestorePlanView }> {
  const request = body({ ...change, requestedBy: asker.name });
  const plan = await planRequest(store.database, request, []);
  const event = newEvent('restore.requested', request, { source: 'spec', id: randomUUID() });
  const reasons = await store.outbox.transaction((tx) => acceptRestore(tx, event, { plan, asker }));
  expect(reasons).toEqual([]);
  return { id: event.id, plan };
}

async function approve(id: string, planHash: unknown, by = BOB): Promise<void> {
  await store.outbox.transaction(async (tx) => approveRestore(tx, await findRestoreRow(tx.manager, id), planHash, by));
}

async function approved(change: object = {}): Promise<string> {
  const { id, plan } = await ask(change);
  await approve(id, plan.hash);
  return id;
}

/** The safety backup is another worker's work: it ends as the test says. */
async function safetyBackupEnds(row: RestoreRow, state: 'completed' | 'failed'): Promise<void> {
  await store.database.query(
    `INSERT INTO backup_runs (id, request_id, config_id, target_id, config_name, target_name, backup_level, backup_trigger, options, state)
     SELECT gen_random_uuid(), $1, config_id, target_id, config_name, target_name, 'full', 'automatic', '{}', $2
       FROM backup_runs WHERE id = $3 ON CONFLICT (request_id) DO NOTHING`,
    [row.id, state, runId],
  );
}

async function execute(row: RestoreRow, shutdown = new AbortController().signal): Promise<void> {
  await store.executeRestore(row, folder.join('spool'), { shutdown });
}

async function orphaned({ id }: RestoreRow): Promise<void> {
  await store.database.query('UPDATE restores SET lease_until = clock_timestamp() WHERE id = $1', [id]);
}

interface Found {
  state: string;
  limit: number;
}

/** What applications find under a name, and how many of them may come in. */
async function found(name: string): Promise<Found | undefined> {
  await using client = await server.client(name);
  const { rows } = await client.query<Found>(
    `SELECT (SELECT min(state) FROM t) AS state, (SELECT datconnlimit FROM pg_database WHERE datname = $1) AS "limit"`,
    [name],
  );
  return rows[0];
}

const OLD = [
  { state: 'old', limit: 7 },
  { state: 'old', limit: -1 },
];
const NEW = [
  { state: 'new', limit: 7 },
  { state: 'new', limit: -1 },
];

async function both(): Promise<(Found | undefined)[]> {
  return [await found('shop'), await found('crm')];
}

async function besides(): Promise<string[]> {
  await using admin = await server.client();
  const { rows } = await admin.query<{ name: string }>(
    `SELECT datname::text AS name FROM pg_database WHERE datname NOT IN ('postgres', 'template0', 'template1', 'shop', 'crm') ORDER BY 1`,
  );
  return rows.map(({ name }) => name);
}

describe('a restore in place', () => {
  it('closes nothing where a sandbox is required and cannot be had', async () => {
    const id = await approved();
    const row = await store.claimRestore();
    await safetyBackupEnds(row, 'completed');
    await using application = await server.client('shop');
    const bin = folder.join('bin');
    await mkdir(bin, { recursive: true });
    await symlink(findProgram('setpriv') ?? '', folder.join('bin', 'setpriv')).catch(() => undefined);
    vi.stubEnv('PATH', bin);
    vi.stubEnv('HOZEN_SANDBOX', 'require');
    try {
      await execute(row);
    } finally {
      vi.unstubAllEnvs();
    }
    expect(await findRestore(store.database, id)).toMatchObject({
      state: 'failed',
      error: { code: 'SANDBOX_MISSING' },
    });
    await application.query('SELECT 1');
    expect(await both()).toEqual(NEW);
  }, 60_000);

  it('waits for a second DBA, backs up what is there, and puts the backup in its place', async () => {
    const { id, plan } = await ask();
    expect(plan).toMatchObject({
      obstacles: [],
      inPlace: { replaces: ['shop', 'crm'], safetyConfig: 'nightly' },
      steps: ['safety-backup', 'close', 'restore', 'compare', 'swap', 'open'],
    });
    expect(await claimRestore(store.database, 'spec')).toBeUndefined();
    await approve(id, plan.hash);
    const row = await store.claimRestore();
    await safetyBackupEnds(row, 'completed');
    await using application = await server.client('shop');
    const ended = new Promise((resolve) => application.once('error', resolve));
    await execute(row);
    await ended;
    const view = await findRestore(store.database, id);
    expect(view).toMatchObject({
      state: 'completed',
      inPlace: true,
      approval: { by: 'bob' },
      watch: { state: 'watching', thresholdPercent: 20, deviations: [] },
      result: [
        { name: 'shop', as: 'shop', tables: 1 },
        { name: 'crm', as: 'crm', tables: 1 },
      ],
    });
    expect(await both()).toEqual(OLD);
    const kept = [`crm_before_${row.id.slice(0, 8)}`, `shop_before_${row.id.slice(0, 8)}`];
    expect(await besides()).toEqual(kept);
    expect(await found(kept[1] ?? '')).toEqual({ state: 'new', limit: 0 });
    expect(view.warnings[0]).toContain(kept[1]);
    expect(await store.eventsOf(row.id)).toEqual([
      'restore.accepted',
      'restore.awaiting_approval',
      'restore.approved',
      'restore.started',
      'restore.completed',
    ]);
  });

  it.each(['restore.opened', 'restore.swapped'])(
    'is not undone once it is swapped: after %s it is told',
    async (step) => {
      process.env['HOZEN_FAILPOINTS'] = `${step}=throw`;
      const id = await approved();
      const dead = await store.claimRestore();
      await safetyBackupEnds(dead, 'completed');
      await execute(dead);
      delete process.env['HOZEN_FAILPOINTS'];
      expect(await both()).toEqual(OLD);
      if (step === 'restore.swapped') {
        expect(await findRestore(store.database, id)).toMatchObject({ state: 'running' });
        await orphaned(dead);
        await execute(await store.claimRestore());
      }
      expect(await findRestore(store.database, id)).toMatchObject({ state: 'completed' });
      expect(await both()).toEqual(OLD);
      expect(await besides()).toHaveLength(2);
    },
  );

  it.each(['restore.closed', 'restore.beside'])(
    'that fails at %s leaves everything as it was, and open',
    async (step) => {
      process.env['HOZEN_FAILPOINTS'] = `${step}=throw`;
      const id = await approved();
      const row = await store.claimRestore();
      await safetyBackupEnds(row, 'completed');
      await execute(row);
      expect(await findRestore(store.database, id)).toMatchObject({ state: 'failed' });
      expect(await both()).toEqual(NEW);
      expect(await besides()).toEqual([]);
      expect((await findRestoreRow(store.database.manager, id)).closed).toBeNull();
    },
  );

  it('remembers how many sessions were allowed, whoever closed the databases', async () => {
    const id = await approved();
    const dead = await store.claimRestore();
    await safetyBackupEnds(dead, 'completed');
    await using admin = await server.client();
    await store.database.query(`UPDATE restores SET closed = '[{"name":"shop","limit":7},{"name":"crm","limit":-1}]'`);
    for (const name of ['shop', 'crm']) await admin.query(`ALTER DATABASE ${name} CONNECTION LIMIT 0`);
    await orphaned(dead);
    const next = await store.claimRestore();
    await cancelRestore(store.outbox, next.id);
    await execute({ ...next, cancel_requested_at: new Date() });
    expect(await findRestore(store.database, id)).toMatchObject({ state: 'cancelled' });
    expect(await both()).toEqual(NEW);
  });

  it('changes nothing when the backup of what is there fails', async () => {
    const id = await approved();
    const row = await store.claimRestore();
    await safetyBackupEnds(row, 'failed');
    await execute(row);
    expect(await findRestore(store.database, id)).toMatchObject({
      state: 'failed',
      error: { code: 'SAFETY_BACKUP_FAILED' },
    });
    expect(await both()).toEqual(NEW);
  });

  it('is not backed up before by a config that leaves something out', async () => {
    const part = { name: 'a part', target: 'shop', storage: { kind: 'file', path: folder.path } };
    const configs = [{ ...part, exclude: { databases: ['crm'] } }];
    const wanted = requireValid(BackupConfiguration, { targets: [], configs });
    await store.database.transaction((manager) => applyConfiguration(manager, wanted, false));
    const plan = await planRequest(store.database, body(), []);
    expect(plan).toMatchObject({ obstacles: [], inPlace: { safetyConfig: 'nightly' } });
  });

  it('does not run when what it would do is not what was approved of', async () => {
    const id = await approved({ databases: [{ name: 'crm' }] });
    await using admin = await server.client();
    await admin.query('ALTER DATABASE crm RENAME TO crm_renamed');
    await execute(await store.claimRestore());
    await admin.query('ALTER DATABASE crm_renamed RENAME TO crm');
    expect(await findRestore(store.database, id)).toMatchObject({ state: 'failed', error: { code: 'PLAN_CHANGED' } });
  });

  it('does not replace what another restore has put in the place of what was to be replaced', async () => {
    await approved({ databases: [{ name: 'crm' }] });
    const late = await approved({ databases: [{ name: 'crm' }] });
    const first = await store.claimRestore();
    await safetyBackupEnds(first, 'completed');
    await execute(first);
    await using crm = await server.client('crm');
    await crm.query(`UPDATE t SET state = 'written since'`);
    const second = await store.claimRestore();
    await safetyBackupEnds(second, 'completed');
    await execute(second);
    expect(await findRestore(store.database, late)).toMatchObject({ state: 'failed', error: { code: 'PLAN_CHANGED' } });
    expect(await found('crm')).toEqual({ state: 'written since', limit: -1 });
    expect(await besides()).toEqual([`crm_before_${first.id.slice(0, 8)}`]);
  });

  it('is handed back by a worker that stops, open to everybody until the next one goes on', async () => {
    const id = await approved();
    const stopping = new AbortController();
    const executing = execute(await store.claimRestore(), stopping.signal);
    stopping.abort();
    await executing;
    expect(await findRestore(store.database, id)).toMatchObject({ state: 'queued', approval: { by: 'bob' } });
    expect(await both()).toEqual(NEW);
    const row = await store.claimRestore();
    await safetyBackupEnds(row, 'completed');
    await execute(row);
    expect(await both()).toEqual(OLD);
  });
});

describe('the approval of a restore in place', () => {
  it('is not given by who asked, not for another plan, not twice, and not by who is no DBA', async () => {
    const { id, plan } = await ask();
    await expect(approve(id, plan.hash, ALICE)).rejects.toMatchObject({ code: 'APPROVAL_MISSING' });
    await expect(approve(id, 'f'.repeat(64))).rejects.toMatchObject({ code: 'APPROVAL_MISSING' });
    await expect(approve(id, undefined)).rejects.toMatchObject({ code: 'APPROVAL_MISSING' });
    expect(() => requireDba()).toThrow('token');
    expect(() => asIdentity({ name: 'carol', role: 'operator' }, requireDba)).toThrow('carol');
    expect(asIdentity(BOB, requireDba)).toEqual(BOB);
    await approve(id, plan.hash);
    await expect(approve(id, plan.hash)).rejects.toMatchObject({ code: 'APPROVAL_MISSING' });
  });

  it('has a time, after which the restore ends without having begun', async () => {
    const { id, plan } = await ask();
    await store.database.query(`UPDATE restores SET approval_until = clock_timestamp() - interval '1 second'`);
    await expect(approve(id, plan.hash)).rejects.toMatchObject({ code: 'APPROVAL_MISSING' });
    await execute(await store.claimRestore());
    expect(await findRestore(store.database, id)).toMatchObject({
      state: 'failed',
      error: { code: 'APPROVAL_MISSING' },
    });
    expect(await both()).toEqual(NEW);
  });

  it('is not needed where the glass is broken: that is written down and told', async () => {
    const { id } = await ask({ breakGlass: 'the shop is down and nobody answers' });
    const row = await store.claimRestore();
    expect(row.approval).toMatchObject({ by: 'alice', breakGlass: 'the shop is down and nobody answers' });
    const [{ data } = { data: {} }] = await store.database.query<{ data: object }[]>(
      `SELECT body -> 'data' AS data FROM outbox WHERE subject = 'restore.approved'`,
    );
    expect(data).toMatchObject({ by: 'alice', breakGlass: 'the shop is down and nobody answers' });
    await safetyBackupEnds(row, 'completed');
    await execute(row);
    expect(await findRestore(store.database, id)).toMatchObject({ state: 'completed' });
  });

  it('cannot be asked for by an event, and not for what cannot be replaced', async () => {
    const event = newEvent('restore.requested', body(), { source: 'spec', id: randomUUID() });
    const reasons = await store.outbox.transaction((tx) => acceptRestore(tx, event));
    expect(reasons).toMatchObject([{ field: 'inPlace' }]);
    const databases = [
      { name: 'shop', as: 'nothing' },
      { name: 'crm', as: 'postgres' },
    ];
    const plan = await planRequest(store.database, body({ databases }), []);
    expect(plan.obstacles).toEqual([
      { kind: 'database-irreplaceable', what: 'postgres' },
      { kind: 'database-missing', what: 'nothing' },
    ]);
  });
});
