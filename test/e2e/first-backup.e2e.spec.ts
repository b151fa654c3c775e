import { createHash } from 'node:crypto';
import { readdir, readFile, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { BackupCompleted, RejectionReason } from '@hozen/contracts';
import type { TestPostgres } from '@hozen/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sampleConfiguration, sampleTarget } from '../src/sample-target.js';
import { Stack } from '../src/stack.js';

let target: TestPostgres;
let stack: Stack;
let storage: string;

beforeAll(async () => {
  target = await sampleTarget();
  stack = await Stack.start(['scheduler', 'backup-worker', 'notifier'], { SAMPLE_PASSWORD: target.password });
  storage = stack.home.join('storage');
  await stack.configureBackups(sampleConfiguration(target, storage, { timeZone: 'Asia/Tokyo' }));
});
afterAll(async () => {
  await stack?.[Symbol.asyncDispose]();
  await target?.[Symbol.asyncDispose]();
});

describe('a bare request from any NATS client', () => {
  it('ends as a proven artefact, a completed event, a record, and a mail', async () => {
    const request = await stack.request('backup.requested', { config: 'nightly' });
    const run = await stack.runEnded(request);
    expect(run.error).toBeUndefined();
    expect(run).toMatchObject({
      state: 'completed',
      config: 'nightly',
      target: 'sample',
      level: 'full',
      trigger: 'manual',
    });
    expect(run.artefact?.proof).toMatchObject({ level: 'restore', databases: 4 });

    const event = await stack.events.waitFor<BackupCompleted>('backup.completed', request);
    expect(event.data.artefact).toMatchObject({ path: run.artefact?.path, sha256: run.artefact?.sha256 });
    const artefact = await readFile(event.data.artefact.path);
    expect(createHash('sha256').update(artefact).digest('hex')).toBe(event.data.artefact.sha256);
    expect(event.data.artefact.path).toMatch(/\/storage\/manual\/\d{8}_\d{6}_nightly\.tar\.gz$/);
    expect((await readdir(dirname(event.data.artefact.path))).filter((name) => name.startsWith('.'))).toEqual([]);
    expect((await stat(event.data.artefact.path)).mode & 0o777).toBe(0o600);

    await using platform = await stack.platform.client(stack.databases.database);
    const { rows } = await platform.query('SELECT * FROM backup.backup_records WHERE id = $1', [run.recordId]);
    expect(rows[0]).toMatchObject({
      backup_type: 'manual',
      backup_status: 'completed',
      backup_file_path: event.data.artefact.path,
      backup_file_size: String(artefact.length),
      error_message: null,
    });
    const mail = await stack.mail.waitFor((message) => message.subject.includes('nightly'));
    expect(mail.to).toEqual(['dba@example.org']);
    expect(stack.events.terminalOf(request)).toHaveLength(1);
  });

  it('is one trace from the request to the mail, with database and process spans in it', async () => {
    const trace = 'a1'.repeat(16);
    const traceparent = `00-${trace}-${'b2'.repeat(8)}-01`;
    const request = await stack.events.publish('backup.requested', '{"config":"nightly"}', undefined, { traceparent });
    const run = await stack.runEnded(request);
    expect(run).toMatchObject({ state: 'completed', traceId: trace });
    const spans = await stack.traces.waitFor((all) =>
      all.some((span) => span.traceId === trace && span.service === 'notifier' && /mail/i.test(span.name)),
    );
    const names = spans.filter((span) => span.traceId === trace).map((span) => `${span.service}: ${span.name}`);
    for (const expected of [
      'backup-worker: process backup.requested',
      'backup-worker: run backup',
      'backup-worker: pg_dump',
      'backup-worker: pg_restore',
      'backup-worker: send backup.completed',
      'notifier: process backup.completed',
    ]) {
      expect(names).toContain(expected);
    }
    expect(names.some((name) => name.startsWith('backup-worker: pg.query:'))).toBe(true);
    expect(names).toContain('backup-worker: commit artefact');
  });
});

describe('a bad request', () => {
  it.each([
    ['an unknown config', '{"config":"no such"}', ['config']],
    ['several faults at once', '{"config":"","level":"huge","colour":"red"}', ['config', 'level', 'colour']],
    ['no JSON', 'nightly', ['']],
    ['a level the method cannot make', '{"config":"nightly","level":"incremental"}', ['level']],
  ])(
    '%s is rejected with every reason, kept in the dead letters, and never comes back',
    async (_what, body, fields) => {
      const request = await stack.events.publish('backup.requested', body);
      const rejected = await stack.events.waitFor<{ requestId: string; reasons: RejectionReason[] }>(
        'backup.rejected',
        request,
      );
      expect([...new Set(rejected.data.reasons.map((reason) => reason.field))].toSorted()).toEqual(fields.toSorted());
      await using platform = await stack.platform.client(stack.databases.database);
      const { rows } = await platform.query('SELECT * FROM backup.dead_letters WHERE message_id = $1', [request]);
      expect(rows).toHaveLength(1);
      await stack.mail.waitFor((message) => message.text.includes(request) || message.raw.includes(request));
      expect(stack.events.terminalOf(request)).toHaveLength(1);
    },
  );
});

describe('a schedule', () => {
  it('fires, and the run is automatic and traced from the scheduler on', async () => {
    await stack.configureSchedules({
      schedules: [
        { name: 'every second', cron: '* * * * * *', timeZone: 'Asia/Tokyo', request: { config: 'nightly' } },
      ],
    });
    const [fired] = await stack.traces
      .waitFor((all) => all.some((span) => span.service === 'scheduler' && span.name.startsWith('fire')))
      .then((all) => all.filter((span) => span.service === 'scheduler' && span.name.startsWith('fire')));
    await stack.configureSchedules({
      schedules: [{ name: 'every second', cron: '* * * * * *', enabled: false, request: { config: 'nightly' } }],
    });
    const spans = await stack.traces.waitFor((all) =>
      all.some((span) => span.traceId === fired?.traceId && span.service === 'notifier'),
    );
    const services = new Set(spans.filter((span) => span.traceId === fired?.traceId).map((span) => span.service));
    expect(services).toEqual(new Set(['backup-worker', 'notifier', 'scheduler']));
    const { runs } = await stack.get<{ runs: { trigger: string; requestedBy?: string }[] }>(
      'backup-worker',
      '/backups',
    );
    expect(runs[0]).toMatchObject({ trigger: 'automatic', requestedBy: 'schedule:every second' });
  });
});

describe('what a stranger finds in the storage folder', () => {
  it('is the data, a checksum that sha256sum -c accepts, and a manifest, and nothing else', async () => {
    const folder = join(storage, 'manual');
    const names = await readdir(folder);
    const data = names.filter((name) => name.endsWith('.tar.gz'));
    expect(data.length).toBeGreaterThan(0);
    const expected = data.flatMap((name) => [name, `${name}.manifest.json`, `${name}.sha256`]).toSorted();
    expect(names.toSorted()).toEqual(expected);
    const line = await readFile(join(folder, `${data[0]}.sha256`), 'utf8');
    expect(line).toMatch(new RegExp(`^[0-9a-f]{64}  ${data[0]}\n$`));
  });
});
