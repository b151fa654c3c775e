import { warningText, type RestorePlanView, type RestoreView } from '@hozen/contracts';
import { describe, expect, it } from 'vitest';
import { ServiceDouble } from '../testing/service-double.js';
import { TestSurroundings } from '../testing/surroundings.js';
import { RUN_ID } from '../testing/views.js';
import { databaseOf, databasesOf } from './restore.js';

const VIEW: RestoreView = {
  id: 'r1',
  requestId: 'q1',
  runId: RUN_ID,
  config: 'nightly',
  target: 'erp',
  databases: [{ name: 'shop', as: 'shop_old' }],
  state: 'completed',
  attempt: 1,
  queuedAt: '2026-11-26T10:00:00Z',
  warnings: ['rights are not restored'],
};
const PLAN: RestorePlanView = {
  runId: RUN_ID,
  config: 'nightly',
  artefact: {
    path: '/b/a.tar.gz',
    bytes: 1,
    originalBytes: 2,
    proof: 'restore',
    committedAt: '2026-11-26T02:00:00Z',
  },
  from: { version: '15.20', target: 'erp' },
  to: { version: '15.20', target: 'test' },
  databases: [{ name: 'shop', as: 'shop', bytes: 4_200_000, tables: 7 }],
  obstacles: [{ kind: 'database-exists', what: 'shop' }],
  warnings: [],
  expectedSeconds: 12,
};

describe('hozen restore', () => {
  it('asks for the latest backup of a config and follows it to its end', async () => {
    await using worker = await ServiceDouble.start(() => ({ status: 200, body: VIEW }));
    const around = new TestSurroundings({ HOZEN_BACKUP_URL: worker.url }, { terminal: true });
    expect(await around.hozen('restore', 'nightly', '--to', 'erp', '--database', 'shop=shop_old', '--wait')).toBe('ok');
    expect(worker.asked[0]).toMatchObject({
      method: 'POST',
      path: '/restores',
      body: { config: 'nightly', target: 'erp', databases: [{ name: 'shop', as: 'shop_old' }] },
    });
    expect(around.written.out).toContain('shop → shop_old');
    expect(around.written.out).toContain('rights are not restored');
  });

  it('says in a plan that the backup is bad, and what to restore instead', async () => {
    const bad = { since: '2026-11-22T00:00:00Z', verification: 'v1', instead: 'r9' };
    const body = { ...PLAN, bad, obstacles: [{ kind: 'backup-bad', what: RUN_ID }] };
    await using worker = await ServiceDouble.start(() => ({ body }));
    const around = new TestSurroundings({ HOZEN_BACKUP_URL: worker.url });
    expect(await around.hozen('restore', RUN_ID, '--to', 'test', '--database', 'shop', '--plan')).toBe('rejected');
    expect(around.written.out).toMatch(/found by verification v1/);
    expect(around.written.out).toMatch(/Use instead +hozen restore r9/);
    expect(around.written.out).toContain(`the backup of run ${RUN_ID} to be bad`);
  });

  it('shows the plan of a run, and that something stands in the way', async () => {
    await using worker = await ServiceDouble.start(() => ({ body: PLAN }));
    const around = new TestSurroundings({ HOZEN_BACKUP_URL: worker.url });
    expect(await around.hozen('restore', RUN_ID, '--to', 'test', '--database', 'shop', '--plan')).toBe('rejected');
    expect(worker.asked[0]).toMatchObject({ path: '/restores/plan', body: { run: RUN_ID } });
    expect(around.written.out).toContain('there is a database shop already');
    expect(around.written.out).toContain('12.0 s');
  });

  it('says in the language of the reader what a plan and a restore warn of, and what stands in the way', async () => {
    const warnings = [warningText('restore.archiving-off')];
    const obstacles = [{ kind: 'wrong-method' as const, what: warningText('what.tree') }];
    await using worker = await ServiceDouble.start(({ path }) => ({
      body: path === '/restores/plan' ? { ...PLAN, warnings, obstacles } : { ...VIEW, warnings },
    }));
    const around = new TestSurroundings({ HOZEN_BACKUP_URL: worker.url });
    await around.hozen('--lang', 'ja', 'restore', RUN_ID, '--to', 'test', '--database', 'shop', '--plan');
    expect(around.written.out).toContain('リストアしたサーバーはアーカイブを行いません。');
    expect(around.written.out).toContain('バックアップはファイルツリーです。');
    await around.hozen('--lang', 'zh', 'restores', 'r1');
    expect(around.written.out).toContain('恢复出的服务器不进行归档：');
  });

  it('says what a backup would bring, who answers for it, and lets in what is named', async () => {
    const finding = { kind: 'extension', name: 'postgis', where: 'shop', allowed: false } as const;
    const policy = { trust: 'none', findings: [finding] } as const;
    const obstacles = [{ kind: 'not-allowed', what: 'extension:postgis (shop)' }];
    await using worker = await ServiceDouble.start(() => ({ body: { ...PLAN, policy, obstacles } }));
    const around = new TestSurroundings({ HOZEN_BACKUP_URL: worker.url });
    const args = ['restore', RUN_ID, '--to', 'test', '--database', 'shop', '--plan'];
    expect(await around.hozen(...args)).toBe('rejected');
    expect(around.written.out).toContain('not known: neither signed nor made here');
    expect(around.written.out).toContain('it would bring extension:postgis (shop)');
    await around.hozen(...args, '--allow', 'extension:postgis', '--allow', 'role:*');
    await around.hozen(...args, '--trust');
    expect(worker.asked.map(({ body }) => (body as { allow?: string[] }).allow)).toEqual([
      undefined,
      ['extension:postgis', 'role:*'],
      ['*'],
    ]);
  });

  it('fails where the restore failed', async () => {
    const error = { code: 'RESTORE_IMPOSSIBLE' as const, message: 'no', hint: 'do' };
    await using worker = await ServiceDouble.start(() => ({ body: { ...VIEW, state: 'failed', error } }));
    const around = new TestSurroundings({ HOZEN_BACKUP_URL: worker.url });
    expect(await around.hozen('restore', 'nightly', '--to', 'erp', '--database', 'shop', '--wait', '--json')).toBe(
      'failed',
    );
    expect(around.lines.at(-1)).toMatchObject({ type: 'result', restore: { state: 'failed' } });
  });

  it('shows whether a restored server performs as before', async () => {
    const deviations = [{ measure: 'roundTripMs' as const, normal: 1.2345, now: 2.5 }];
    const watch = { state: 'watching' as const, until: '2026-11-27T10:00:00Z', thresholdPercent: 20, deviations };
    await using worker = await ServiceDouble.start(() => ({ body: { ...VIEW, watch } }));
    const around = new TestSurroundings({ HOZEN_BACKUP_URL: worker.url }, { terminal: true });
    expect(await around.hozen('restores', 'r1')).toBe('ok');
    expect(around.written.out).toContain('within ±20 % of normal');
    expect(around.written.out).toContain('round trip (ms): 2.5 instead of 1.23');
  });

  it('needs a target, and leaves it to the service whether databases have to be named', async () => {
    const around = new TestSurroundings();
    expect(await around.hozen('restore', 'nightly', '--database', 'shop')).toBe('invalid');
    expect(around.written.err).toContain('--to');
    await using worker = await ServiceDouble.start(() => ({ status: 201, body: VIEW }));
    const into = new TestSurroundings({ HOZEN_BACKUP_URL: worker.url });
    expect(await into.hozen('restore', 'documents', '--to', 'bucket')).toBe('ok');
    expect(worker.asked[0]?.body).toMatchObject({ config: 'documents', target: 'bucket' });
  });

  it('asks for parts of databases, and shows what comes along and what does not', async () => {
    const parts = {
      tables: ['public.orders'],
      withoutRows: ['public.customers'],
      unrestorable: ['fk constraint public.orders x'],
    };
    const [database] = PLAN.databases.map((each) => ({ ...each, as: 'shop_restored', parts }));
    await using worker = await ServiceDouble.start(() => ({ body: { ...PLAN, databases: [database], obstacles: [] } }));
    const around = new TestSurroundings({ HOZEN_BACKUP_URL: worker.url });
    const tables = ['--table', 'shop:public.orders', '--table', 'shop:"Odd:name".*', '--schema', '"my shop":sales'];
    expect(await around.hozen('restore', 'nightly', '--to', 'erp', ...tables, '--plan')).toBe('ok');
    expect(worker.asked[0]).toMatchObject({
      body: {
        databases: [
          { name: 'my shop', schemas: ['sales'] },
          { name: 'shop', tables: ['public.orders', '"Odd:name".*'] },
        ],
      },
    });
    for (const what of ['public.orders', 'public.customers', 'fk constraint public.orders x']) {
      expect(around.written.out).toContain(what);
    }
  });

  it('takes a table without a database for one of the only database', () => {
    expect(databasesOf({ database: ['shop=old'], table: ['orders'] })).toEqual([
      { name: 'shop', as: 'old', tables: ['orders'] },
    ]);
    expect(databasesOf({ table: ['shop:orders'], into: 'live' })).toEqual([
      { name: 'shop', into: 'live', tables: ['orders'] },
    ]);
    expect(() => databasesOf({ table: ['orders'] })).toThrow();
    expect(() => databasesOf({ database: ['a', 'b'], table: ['orders'] })).toThrow();
  });

  it.each([
    ['shop', { name: 'shop' }],
    ['shop=old', { name: 'shop', as: 'old' }],
    ['shop=', { name: 'shop' }],
    ['=x', { name: '=x' }],
  ])('reads %s', (text, database) => {
    expect(databaseOf(text)).toEqual(database);
  });
});
