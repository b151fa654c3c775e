import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ServiceDouble, type Answered, type Asked } from '../testing/service-double.js';
import { TestSurroundings } from '../testing/surroundings.js';

const FILE = `
targets:
  - { name: erp, kind: postgres, host: db.example.org, password: env:ERP }
configs:
  - { name: weekly, target: erp, level: full, storage: { kind: file, path: /b } }
  - { name: nightly, target: erp, storage: { kind: file, path: /b } }
schedules:
  - { name: nightly, cron: '0 2 * * *', request: { config: nightly } }
recipients:
  - { name: dba, email: dba@example.org }
rules:
  - { events: [backup.failed], recipients: [dba] }
`;
const CREATED = { kind: 'config', name: 'nightly', change: 'create', fields: [{ field: 'jobs', after: 2 }] };
const UPDATED = {
  kind: 'target',
  name: 'erp',
  change: 'update',
  fields: [{ field: 'port', before: 5432, after: 5433 }],
};
const UNCHANGED = { kind: 'target', name: 'erp', change: 'unchanged', fields: [] };

let folder: string;
let file: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hozen-apply-'));
  file = join(folder, 'backups.yaml');
  await writeFile(file, FILE);
});
afterEach(async () => {
  await rm(folder, { recursive: true });
});

/** All four services; each answers with its changes, or as the test says. */
async function services(
  answers: Partial<Record<'backup' | 'scheduler' | 'maintenance' | 'notifier', (asked: Asked) => Answered>>,
) {
  const stack = new AsyncDisposableStack();
  const none = () => ({ body: { applied: false, changes: [] } });
  const start = async (name: keyof typeof answers) => stack.use(await ServiceDouble.start(answers[name] ?? none));
  const [backup, scheduler, maintenance, notifier] = [
    await start('backup'),
    await start('scheduler'),
    await start('maintenance'),
    await start('notifier'),
  ];
  const env = {
    HOZEN_BACKUP_URL: backup.url,
    HOZEN_SCHEDULER_URL: scheduler.url,
    HOZEN_MAINTENANCE_URL: maintenance.url,
    HOZEN_NOTIFIER_URL: notifier.url,
  };
  return { backup, scheduler, maintenance, notifier, env, [Symbol.asyncDispose]: () => stack.disposeAsync() };
}

describe('hozen apply', () => {
  it('asks every service for a dry run first, then gives each its part', async () => {
    await using all = await services({ backup: () => ({ body: { applied: true, changes: [CREATED, UPDATED] } }) });
    const around = new TestSurroundings(all.env);
    expect(await around.hozen('apply', '-f', file)).toBe('ok');
    for (const service of [all.backup, all.scheduler, all.maintenance, all.notifier]) {
      expect(service.asked.map(({ method, path }) => `${method} ${path}`)).toEqual([
        'PUT /configuration?dryRun=true',
        'PUT /configuration',
      ]);
    }
    expect(all.backup.asked[1]?.body).toMatchObject({
      targets: [{ name: 'erp', port: 5432 }],
      configs: [{ jobs: 2 }, {}],
    });
    expect(all.maintenance.asked[1]?.body).toMatchObject({
      targets: [{ name: 'erp' }],
      backupConfigs: {},
      proposedConfigs: { erp: 'weekly' },
    });
    expect(all.scheduler.asked[1]?.body).toMatchObject({
      schedules: [{ event: 'backup.requested', misfire: 'latest' }],
    });
    expect(all.notifier.asked[1]?.body).toMatchObject({
      recipients: [{ name: 'dba' }],
      rules: [{ recipients: ['dba'] }],
    });
    expect(around.written.out).toBe('+ config nightly\n    jobs: 2\n~ target erp\n    port: 5432 → 5433\n✓ Applied.\n');
  });

  it('changes nothing with --dry-run', async () => {
    await using all = await services({ backup: () => ({ body: { applied: false, changes: [CREATED] } }) });
    const around = new TestSurroundings(all.env);
    expect(await around.hozen('apply', '-f', file, '--dry-run', '--json')).toBe('ok');
    expect(around.lines).toEqual([{ applied: false, changes: [CREATED] }]);
    expect(all.backup.asked).toHaveLength(1);
  });

  it('changes nothing when nothing is to be changed', async () => {
    await using all = await services({ backup: () => ({ body: { applied: false, changes: [UNCHANGED] } }) });
    const around = new TestSurroundings(all.env);
    expect(await around.hozen('apply', '-f', file)).toBe('ok');
    expect(around.written.out).toContain('Nothing to change');
    expect(all.backup.asked).toHaveLength(1);
  });

  it('shows the reasons of every service that refuses, and applies to none', async () => {
    const refuse = (message: string) => () => ({
      status: 422,
      body: {
        error: { code: 'CONFIG_INVALID', message: 'm', hint: 'h' },
        reasons: [{ field: 'schedules.0.cron', message }],
      },
    });
    await using all = await services({ scheduler: refuse('is no cron'), notifier: refuse('is no channel') });
    const around = new TestSurroundings(all.env);
    expect(await around.hozen('apply', '-f', file)).toBe('invalid');
    expect(around.written.err).toContain('schedules.0.cron: is no cron');
    expect(around.written.err).toContain('is no channel');
    for (const service of [all.backup, all.scheduler, all.maintenance, all.notifier])
      expect(service.asked).toHaveLength(1);
  });

  it('says how far it came when a service fails in the middle', async () => {
    let calls = 0;
    const failSecond = () => {
      calls += 1;
      const body = { error: { code: 'INTERNAL', message: 'broken', hint: 'h' } };
      return calls === 1 ? { body: { applied: false, changes: [CREATED] } } : { status: 500, body };
    };
    await using all = await services({ maintenance: failSecond });
    const around = new TestSurroundings(all.env);
    expect(await around.hozen('apply', '-f', file)).toBe('failed');
    expect(around.written.err).toContain(
      'Only a part was applied (notifier, backup-worker); maintenance-worker failed',
    );
    expect(all.scheduler.asked).toHaveLength(1);
  });

  it('asks nobody when the file is wrong, and gives every reason with its line', async () => {
    await writeFile(
      file,
      FILE.replace('target: erp, level', 'target: crm, level').replace('recipients: [dba]', 'recipients: [ops]'),
    );
    await using all = await services({});
    const around = new TestSurroundings(all.env);
    expect(await around.hozen('apply', '-f', file)).toBe('invalid');
    expect(around.written.err).toContain(`${file}:5: configs.0.target: there is no target "crm" in this file`);
    expect(around.written.err).toContain(`${file}:12: rules.0.recipients.0: there is no recipient "ops" in this file`);
    expect(all.backup.asked).toEqual([]);
  });

  it('ends as unreachable when a service is down, and applies to none', async () => {
    await using all = await services({});
    const around = new TestSurroundings({ ...all.env, HOZEN_NOTIFIER_URL: 'http://127.0.0.1:1' });
    expect(await around.hozen('apply', '-f', file)).toBe('unreachable');
    expect(all.backup.asked).toHaveLength(1);
  });
});
