import type { RunView } from '@hozen/contracts';
import { describe, expect, it } from 'vitest';
import { ServiceDouble } from '../testing/service-double.js';
import { TestSurroundings } from '../testing/surroundings.js';
import { delivery, provenRun, RUN_ID, runView } from '../testing/views.js';

describe('hozen storage', () => {
  it('shows how full each storage is, and what could not be looked at', async () => {
    const disk = { storage: '/srv/backups', kind: 'file', warningPercent: 80, criticalPercent: 95, configs: [] };
    const full = { ...disk, level: 'critical', usedPercent: 96.44, usedBytes: 964.4e9, capacityBytes: 1e12 };
    const bucket = {
      ...disk,
      storage: 's3://backups',
      kind: 's3',
      level: 'ok',
      artefacts: 2,
      artefactBytes: 3e9,
      error: 'no answer',
    };
    const list = [{ ...full, artefacts: 7, artefactBytes: 600e9, lookedAt: '2026-11-21T00:00:00Z' }, bucket];
    await using worker = await ServiceDouble.start(() => ({ body: list }));
    const around = new TestSurroundings({ HOZEN_BACKUP_URL: worker.url });
    expect(await around.hozen('storage')).toBe('ok');
    expect(worker.asked[0]?.path).toBe('/storages');
    const [, first, second, error] = around.written.out.split('\n');
    expect(first).toMatch(/^\/srv\/backups +964 GB +1.00 TB +96.4 % CRITICAL +7 +600 GB +2026/);
    expect(second).toMatch(/^s3:\/\/backups +no quota +2 +3.00 GB/);
    expect(error).toBe('s3://backups: no answer');
    const programs = new TestSurroundings({ HOZEN_BACKUP_URL: worker.url });
    await programs.hozen('storage', '--json');
    expect(programs.lines.at(-1)).toMatchObject([{ level: 'critical' }, { level: 'ok' }]);
  });
});

it('hozen restores says that there are none, and how to see what one would do', async () => {
  await using worker = await ServiceDouble.start(() => ({ body: { restores: [] } }));
  const around = new TestSurroundings({ HOZEN_BACKUP_URL: worker.url });
  expect(await around.hozen('restores')).toBe('ok');
  expect(around.written.out).toContain('hozen restore CONFIG --to TARGET --plan');
});

describe('hozen runs', () => {
  it('asks for what the options say and shows one line a run, without colours in a pipe', async () => {
    await using worker = await ServiceDouble.start(() => ({ body: { runs: [provenRun(), runView()], next: 'r9' } }));
    const around = new TestSurroundings({ HOZEN_BACKUP_URL: worker.url });
    expect(await around.hozen('runs', '--config', 'night ly', '--state', 'failed', '--limit', '2')).toBe('ok');
    expect(worker.asked[0]?.path).toBe('/backups?config=night+ly&state=failed&limit=2');
    const [heading, first, second, more] = around.written.out.split('\n');
    expect(heading).toMatch(/^RUN +CONFIG +LEVEL +STATE/);
    expect(first).toMatch(new RegExp(`^${RUN_ID} +nightly +full +completed .* 8.0 s +4.20 MB +restore$`));
    expect(second).toMatch(/ running /);
    expect(more).toContain('hozen runs --before r9');
    expect(around.written.out).not.toContain('\u001B');
  });

  it('says what queued runs wait for, in the list and one by one, but nothing of a free worker', async () => {
    const waiting = (waitsFor: RunView['waitsFor']) =>
      runView({ state: 'queued', attempts: [], waitsFor: waitsFor ?? [] });
    const storage = { kind: 'storage', storage: '/srv/backups', limit: 2, running: 2, ahead: 1 } as const;
    const space = { kind: 'space', path: '/spool', neededBytes: 2e9, freeBytes: 3e9, keptBytes: 1.5e9 } as const;
    const runs = [waiting([storage, space]), waiting([{ kind: 'worker' }])];
    await using worker = await ServiceDouble.start(({ path }) => ({
      body: path === '/backups/r1' ? runs[0] : { runs },
    }));
    const around = new TestSurroundings({ HOZEN_BACKUP_URL: worker.url });
    await around.hozen('runs');
    const [, first, second] = around.written.out.split('\n');
    expect(first).toContain(
      'queued: a place at /srv/backups: 2 of 2 taken, 1 asked before; room on /spool: 2.00 GB needed',
    );
    expect(second).toMatch(/ queued {2,}/);
    await around.hozen('run', 'r1');
    expect(around.written.out).toMatch(/Waits for +a place at .*3.00 GB free, 1.50 GB of it kept for runs before it/);
  });

  it('shows in red what a verification found to be bad, and what builds on it', async () => {
    const bad = (more: object) => {
      const run = provenRun();
      return {
        ...run,
        artefact: { ...run.artefact, bad: { since: '2026-11-22T00:00:00Z', verification: 'v1', ...more } },
      };
    };
    const list = { runs: [bad({ buildsOn: 'r0' }), bad({})] };
    await using worker = await ServiceDouble.start(() => ({ body: list }));
    const around = new TestSurroundings({ HOZEN_BACKUP_URL: worker.url }, { terminal: true });
    await around.hozen('runs');
    const [, first, second] = around.written.out.split('\n');
    expect(first).toContain('\u001B[31mBUILDS ON A BAD ONE');
    expect(second).toContain('\u001B[31mBAD\u001B');
    expect(around.written.out).not.toMatch(/ restore$/m);
  });

  it('tells an empty history from a search that finds nothing', async () => {
    await using worker = await ServiceDouble.start(() => ({ body: { runs: [] } }));
    const around = new TestSurroundings({ HOZEN_BACKUP_URL: worker.url });
    await around.hozen('runs');
    expect(around.written.out).toContain('There are no runs yet.');
    await around.hozen('runs', '--config', 'nightyl');
    expect(around.written.out).toContain('No run matches.');
  });

  it('gives programs the answer of the service as it is', async () => {
    const list = { runs: [provenRun()] };
    await using worker = await ServiceDouble.start(() => ({ body: list }));
    const around = new TestSurroundings({ HOZEN_BACKUP_URL: worker.url });
    await around.hozen('runs', '--json');
    expect(around.lines).toEqual([list]);
  });

  it('colours states on a terminal, unless NO_COLOR is set', async () => {
    await using worker = await ServiceDouble.start(() => ({ body: { runs: [provenRun()] } }));
    const colourful = new TestSurroundings({ HOZEN_BACKUP_URL: worker.url }, { terminal: true });
    await colourful.hozen('runs');
    expect(colourful.written.out).toContain('\u001B[32mcompleted');
    const plain = new TestSurroundings({ HOZEN_BACKUP_URL: worker.url, NO_COLOR: '1' }, { terminal: true });
    await plain.hozen('runs');
    expect(plain.written.out).not.toContain('\u001B');
  });

  it('does not let a name steer the terminal', async () => {
    await using worker = await ServiceDouble.start(() => ({ body: { runs: [runView({ config: 'a\u001B[2Jb' })] } }));
    const around = new TestSurroundings({ HOZEN_BACKUP_URL: worker.url });
    await around.hozen('runs');
    expect(around.written.out).not.toContain('\u001B');
  });
});

describe('hozen run', () => {
  const failed = runView({
    state: 'failed',
    finishedAt: '2026-11-21T00:00:02Z',
    attempts: [
      {
        attempt: 1,
        startedAt: '2026-11-21T00:00:01Z',
        finishedAt: '2026-11-21T00:00:02Z',
        status: 'failure',
        error: 'TARGET_AUTH_FAILED: no',
      },
    ],
    error: {
      code: 'TARGET_AUTH_FAILED',
      message: 'Target "sample" refused the login of user "u"',
      hint: "Check the user and the secret that the target refers to, and the server's pg_hba.conf.",
    },
  });

  it.each([
    ['en', 'BAD since', 'BAD: it builds on run r0'],
    ['ja', '【不良】', '元になる実行 r0'],
    ['zh', '【已损坏】', '基于运行 r0'],
  ])(
    'says in %s since when and by which verification it is bad, instead of how it was proven',
    async (lang, own, base) => {
      const run = provenRun();
      const found = { since: '2026-11-22T00:00:00Z', verification: 'v1' };
      for (const [bad, said] of [
        [found, own],
        [{ ...found, buildsOn: 'r0' }, base],
      ] as const) {
        await using worker = await ServiceDouble.start(() => ({
          body: { ...run, artefact: { ...run.artefact, bad } },
        }));
        const around = new TestSurroundings({ HOZEN_BACKUP_URL: worker.url });
        await around.hozen('run', RUN_ID, '--lang', lang);
        expect(around.written.out).toContain(said);
        expect(around.written.out).toMatch(/2026-11-2[12].*v1/);
        expect(around.written.out).not.toMatch(/compared|比較|比较/);
      }
    },
  );

  it('shows attempts, artefact, proof and notices', async () => {
    await using worker = await ServiceDouble.start(() => ({ body: provenRun() }));
    await using notifier = await ServiceDouble.start(() => ({ body: [delivery()] }));
    const around = new TestSurroundings({ HOZEN_BACKUP_URL: worker.url, HOZEN_NOTIFIER_URL: notifier.url });
    expect(await around.hozen('run', RUN_ID)).toBe('ok');
    expect(notifier.asked[0]?.path).toBe(`/deliveries?runId=${RUN_ID}`);
    for (const expected of [
      'Attempt 1',
      '/backups/manual/20261121_090001_nightly.tar.gz.sha256',
      '4.20 MB (12.3 MB before compression)',
      'restored into a scratch server and compared: 2 databases, 9 tables, in 3.2 s',
      'email to dba (dba@localhost): sent',
      'ab'.repeat(16),
    ]) {
      expect(around.written.out).toContain(expected);
    }
  });

  it('tells the error and what to do in the language of the reader, even when the notifier is down', async () => {
    await using worker = await ServiceDouble.start(() => ({ body: failed }));
    const around = new TestSurroundings({ HOZEN_BACKUP_URL: worker.url, HOZEN_NOTIFIER_URL: 'http://127.0.0.1:1' });
    expect(await around.hozen('run', RUN_ID, '--lang', 'ja')).toBe('ok');
    expect(around.written.out).toContain('TARGET_AUTH_FAILED: 対象「sample」がユーザー「u」のログインを拒否しました');
    expect(around.written.out).toContain('pg_hba.conf を確認してください');
    expect(around.written.out).toContain('notifier が応答しません');
  });

  it('ends as invalid for a run that does not exist', async () => {
    const error = { code: 'NOT_FOUND', message: 'There is no run "x"', hint: 'List what there is with `hozen runs`.' };
    await using worker = await ServiceDouble.start(() => ({ status: 404, body: { error } }));
    const around = new TestSurroundings({ HOZEN_BACKUP_URL: worker.url });
    expect(await around.hozen('run', 'x')).toBe('invalid');
    expect(around.written.err).toContain('NOT_FOUND: There is no run "x"');
  });

  it('ends as failed when the service is broken, and shows the start of what a proxy said', async () => {
    await using worker = await ServiceDouble.start(() => ({ status: 502, body: 'bad gateway' }));
    const around = new TestSurroundings({ HOZEN_BACKUP_URL: worker.url });
    expect(await around.hozen('run', 'x')).toBe('failed');
    expect(around.written.err).toContain('bad gateway');
  });
});

describe('hozen configs, schedules and cancel', () => {
  it('list the configs with their last run', async () => {
    const config = {
      name: 'nightly',
      target: 'sample',
      method: 'postgres-logical',
      level: 'full',
      storagePath: '/backups',
      timeZone: 'UTC',
      proof: 'restore',
      retentionDays: 30,
      lastRun: { id: RUN_ID, state: 'completed' },
    };
    await using worker = await ServiceDouble.start(() => ({ body: [config] }));
    const around = new TestSurroundings({ HOZEN_BACKUP_URL: worker.url });
    expect(await around.hozen('configs')).toBe('ok');
    expect(around.written.out).toMatch(
      new RegExp(`nightly +sample +full +restore +30 days +/backups +completed ${RUN_ID}`),
    );
  });

  it('show the next fires in the zone of the schedule', async () => {
    const schedule = {
      name: 'nightly',
      cron: '0 2 * * *',
      timeZone: 'Asia/Tokyo',
      event: 'backup.requested',
      request: {},
      enabled: true,
      nextFires: ['2026-11-21T17:00:00Z'],
    };
    await using scheduler = await ServiceDouble.start(() => ({
      body: [schedule, { ...schedule, name: 'off', enabled: false }],
    }));
    const around = new TestSurroundings({ HOZEN_SCHEDULER_URL: scheduler.url });
    expect(await around.hozen('schedules')).toBe('ok');
    expect(around.written.out).toContain('2026-11-22 02:00:00');
    expect(around.written.out).toMatch(/off .* disabled/);
  });

  it.each([
    ['running', `Run ${RUN_ID}: running. It was asked to stop; see how it ends: hozen run ${RUN_ID}`],
    ['cancelled', `Run ${RUN_ID} has ended: cancelled.`],
    ['completed', `Run ${RUN_ID} has ended: completed.`],
  ] as const)('cancel a run, and say what comes of it when it is %s', async (state, said) => {
    await using worker = await ServiceDouble.start(() => ({ body: runView({ state }) }));
    const around = new TestSurroundings({ HOZEN_BACKUP_URL: worker.url });
    expect(await around.hozen('cancel', RUN_ID)).toBe('ok');
    expect(worker.asked[0]).toMatchObject({ method: 'POST', path: `/backups/${RUN_ID}/cancel` });
    expect(around.written.out).toBe(`${said}\n`);
  });
});
