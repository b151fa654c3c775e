import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { HozenError, newEvent, type DeliveryView, type EventOf } from '@hozen/contracts';
import { publishEvent } from '@hozen/messaging';
import { startService, type RunningService } from '@hozen/service';
import { eventually, freePort, MailSink, ServiceDatabases, SlackDouble, TestNats, TestPostgres } from '@hozen/testkit';
import { notifier } from './notifier.js';

let postgres: TestPostgres;
let nats: TestNats;
let databaseUrl: string;
beforeAll(async () => {
  [postgres, nats] = await Promise.all([TestPostgres.start(), TestNats.start()]);
});
beforeEach(async () => {
  const { urls } = await ServiceDatabases.provision(postgres);
  databaseUrl = urls.notifier;
  // Each test has its own streams, too.
  await nats.loseEverything();
});
afterAll(async () => {
  await Promise.all([postgres[Symbol.asyncDispose](), nats[Symbol.asyncDispose]()]);
});

const MAIL_FROM = 'hozen@backup.example.org';

function start(env: Record<string, string> = {}): Promise<RunningService> {
  return startService({
    ...notifier(),
    ownsProcess: false,
    env: {
      HOZEN_DATABASE_URL: databaseUrl,
      HOZEN_NATS_URL: nats.url,
      HOZEN_NOTIFY_RETRY_SECONDS: '0.1,0.1,0.1',
      HOZEN_MAIL_FROM: MAIL_FROM,
      ...env,
    },
  });
}

/** Settings with which one person is told of everything by mail. */
function tellingDba(sink: MailSink): Record<string, string> {
  return { HOZEN_SMTP_URL: sink.url, HOZEN_DEFAULT_EMAIL: 'dba@example.org' };
}

function backupFailed(changes: Partial<EventOf<'backup.failed'>['data']> = {}): EventOf<'backup.failed'> {
  const { code, message, hint } = new HozenError('DISK_FULL', { path: '/backup' });
  const runId = randomUUID();
  return newEvent(
    'backup.failed',
    {
      runId,
      requestId: randomUUID(),
      config: 'nightly',
      target: 'erp',
      level: 'full',
      trigger: 'automatic',
      attempts: 2,
      finishedAt: '2026-05-01T02:10:00Z',
      error: { code, message, hint },
      ...changes,
    },
    { source: 'hozen/backup', subject: runId },
  );
}

async function ask(service: RunningService, method: string, path: string, body?: unknown): Promise<unknown> {
  const response = await fetch(service.url + path, {
    method,
    ...(body === undefined ? {} : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
  });
  return response.json();
}

async function deliveries(service: RunningService, event: { id: string }): Promise<DeliveryView[]> {
  return (await ask(service, 'GET', `/deliveries?eventId=${event.id}`)) as DeliveryView[];
}

/** The deliveries of an event when none of them is on its way any more. */
function concluded(service: RunningService, event: { id: string }): Promise<DeliveryView[]> {
  return eventually(async () => {
    const all = await deliveries(service, event);
    expect(all.map(({ state }) => state)).toEqual(all.map(() => expect.stringMatching(/^(sent|failed)$/) as string));
    expect(all).not.toEqual([]);
    return all;
  });
}

async function handled(service: RunningService, count: number): Promise<void> {
  await eventually(async () => {
    const rows: unknown[] = await service.dataSource.query(`select 1 from inbox`);
    expect(rows).toHaveLength(count);
  });
}

const SLACK_AND_MAIL = { name: 'dba', email: 'dba@example.org', slackChannel: '#general' };
const TELL_DBA = { events: ['backup.failed', 'backup.completed'], recipients: ['dba'] };

describe('one event', () => {
  it('is told once by mail, with what happened, the run, and a fixed message id', async () => {
    await using sink = await MailSink.start();
    await using service = await start(tellingDba(sink));
    const event = backupFailed();
    await publishEvent(service.broker, event);
    const [delivery] = await concluded(service, event);
    expect(delivery).toMatchObject({
      state: 'sent',
      channel: 'email',
      recipient: 'default',
      destination: 'dba@example.org',
      attempts: 1,
      eventType: 'backup.failed',
      runId: event.data.runId,
    });
    expect(delivery).not.toHaveProperty('error');
    const [mail] = sink.messages;
    expect(mail).toMatchObject({
      from: MAIL_FROM,
      to: ['dba@example.org'],
      subject: 'FAILED: backup "nightly" of erp',
    });
    expect(mail?.headers.get('message-id')).toBe(`<${delivery?.id}@backup.example.org>`);
    expect(mail?.headers.get('auto-submitted')).toBe('auto-generated');
    expect(mail?.text).toContain(`Look further: hozen run ${event.data.runId}`);
  });

  it('is told once by several notifiers, however often it is delivered', async () => {
    await using sink = await MailSink.start();
    await using first = await start(tellingDba(sink));
    await using second = await start(tellingDba(sink));
    const events = Array.from({ length: 5 }, () => backupFailed());
    const { js } = first.broker;
    for (let again = 0; again < 3; again++) {
      // Another message id each time, so that the broker does not take it for a repetition.
      for (const event of events) {
        await js.publish(event.type, JSON.stringify(event), { msgID: randomUUID() });
      }
    }
    await handled(second, events.length);
    for (const event of events) await concluded(first, event);
    const info = await eventually(async () => {
      const consumer = await first.broker.jsm.consumers.info('BACKUP', 'notifier-backup-failed');
      expect([consumer.num_pending, consumer.num_ack_pending]).toEqual([0, 0]);
      return consumer;
    });
    expect(info.delivered.consumer_seq).toBeGreaterThanOrEqual(15);
    expect(sink.messages).toHaveLength(events.length);
  });

  it('is not told again when its stream is replayed after the inbox forgot it', async () => {
    await using sink = await MailSink.start();
    await using service = await start(tellingDba(sink));
    const event = backupFailed();
    await publishEvent(service.broker, event);
    await concluded(service, event);
    await service.dataSource.query(`delete from inbox`);
    await service.broker.js.publish(event.type, JSON.stringify(event), { msgID: randomUUID() });
    await handled(service, 1);
    expect(await deliveries(service, event)).toHaveLength(1);
    expect(sink.attempts).toBe(1);
  });

  it('leaves a notification when nobody is configured', async () => {
    await using service = await start();
    const event = backupFailed();
    await publishEvent(service.broker, event);
    await handled(service, 1);
    expect(await deliveries(service, event)).toEqual([]);
    const rows: unknown = await service.dataSource.query(`select event_type, severity, subject from notification`);
    expect(rows).toEqual([
      { event_type: 'backup.failed', severity: 'critical', subject: 'FAILED: backup "nightly" of erp' },
    ]);
  });

  it('reaches readers of Japanese and Chinese in their language', async () => {
    await using sink = await MailSink.start();
    await using service = await start({ HOZEN_SMTP_URL: sink.url });
    await ask(service, 'PUT', '/configuration', {
      recipients: [
        { name: '山田', language: 'ja', email: 'yamada@example.org' },
        { name: '王', language: 'zh', email: 'wang@example.org' },
      ],
      rules: [{ events: ['backup.failed'], recipients: ['山田', '王'] }],
    });
    const event = backupFailed({ config: '受注管理', target: '本番' });
    await publishEvent(service.broker, event);
    await concluded(service, event);
    const to = (address: string) => sink.messages.find((mail) => mail.to.includes(address));
    expect(to('yamada@example.org')?.subject).toBe('【失敗】本番 のバックアップ「受注管理」');
    expect(to('yamada@example.org')?.text).toContain('/backup のディスクがいっぱいです');
    expect(to('yamada@example.org')?.html).toContain('対処');
    expect(to('wang@example.org')?.subject).toBe('【失败】本番 的备份“受注管理”');
    expect(to('wang@example.org')?.text).toContain('/backup 所在磁盘已满');
  });

  it('with a hostile name makes no header and no second mail', async () => {
    await using sink = await MailSink.start();
    await using service = await start(tellingDba(sink));
    const event = backupFailed({ config: 'x\r\nBcc: everybody@example.org\r\n\r\nhello' });
    await publishEvent(service.broker, event);
    await concluded(service, event);
    expect(sink.messages).toHaveLength(1);
    expect(sink.messages[0]?.to).toEqual(['dba@example.org']);
    expect(sink.messages[0]?.headers.has('bcc')).toBe(false);
  });
});

describe('a mail server', () => {
  it('that says 450 is asked again', async () => {
    await using sink = await MailSink.start();
    sink.answerNext(1, { code: 450, text: 'Greylisted' });
    await using service = await start(tellingDba(sink));
    const event = backupFailed();
    await publishEvent(service.broker, event);
    expect(await concluded(service, event)).toMatchObject([{ state: 'sent', attempts: 2 }]);
    expect(sink.messages).toHaveLength(1);
  });

  it('that says 550 is not asked again, and its words stand in the ledger', async () => {
    await using sink = await MailSink.start();
    sink.answerNext(1, { code: 550, at: 'rcpt', text: 'No such user' });
    await using service = await start(tellingDba(sink));
    const event = backupFailed();
    await publishEvent(service.broker, event);
    expect(await concluded(service, event)).toMatchObject([
      { state: 'failed', attempts: 1, error: expect.stringContaining('No such user') as string },
    ]);
    expect(sink.attempts).toBe(1);
  });

  it('that is not there is tried as often as configured', async () => {
    const port = await freePort();
    await using service = await start({
      HOZEN_SMTP_URL: `smtp://127.0.0.1:${port}`,
      HOZEN_DEFAULT_EMAIL: 'dba@example.org',
    });
    const event = backupFailed();
    await publishEvent(service.broker, event);
    expect(await concluded(service, event)).toMatchObject([{ state: 'failed', attempts: 4 }]);
  });

  it('that falls silent after the mail gets it again, recognisable as the same', async () => {
    await using sink = await MailSink.start();
    sink.answerNext(1, { drop: true, delivered: true });
    await using service = await start(tellingDba(sink));
    const event = backupFailed();
    await publishEvent(service.broker, event);
    expect(await concluded(service, event)).toMatchObject([
      { state: 'sent', attempts: 2, error: 'outcome unknown, sent again' },
    ]);
    const ids = sink.messages.map(({ headers }) => headers.get('message-id'));
    expect(ids).toHaveLength(2);
    expect(new Set(ids).size).toBe(1);
    expect(sink.messages[1]?.text).toContain('Sent again');
  });

  it('gets the password that the reference names, and nobody else does', async () => {
    await using sink = await MailSink.start({ auth: { user: 'hozen', password: 's3cr3t-words' } });
    process.env['HOZEN_SPEC_SMTP_PASSWORD'] = 'wrong-s3cr3t';
    const login = { HOZEN_SMTP_USER: 'hozen', HOZEN_SMTP_PASSWORD: 'env:HOZEN_SPEC_SMTP_PASSWORD' };
    await using service = await start({ ...tellingDba(sink), ...login });
    const refused = backupFailed();
    await publishEvent(service.broker, refused);
    expect(await concluded(service, refused)).toMatchObject([{ state: 'failed' }]);
    process.env['HOZEN_SPEC_SMTP_PASSWORD'] = 's3cr3t-words';
    const taken = backupFailed();
    await publishEvent(service.broker, taken);
    expect(await concluded(service, taken)).toMatchObject([{ state: 'sent' }]);
    delete process.env['HOZEN_SPEC_SMTP_PASSWORD'];
    const ledger = JSON.stringify(await service.dataSource.query(`select * from deliveries`));
    expect(ledger).not.toContain('s3cr3t');
  });
});

describe('Slack', () => {
  async function withSlack(slack: SlackDouble, recipient: object, env: Record<string, string> = {}) {
    process.env['HOZEN_SPEC_SLACK_TOKEN'] = slack.token;
    const service = await start({
      HOZEN_SLACK_TOKEN: 'env:HOZEN_SPEC_SLACK_TOKEN',
      HOZEN_SLACK_API_URL: slack.apiUrl,
      ...env,
    });
    await ask(service, 'PUT', '/configuration', { recipients: [recipient], rules: [TELL_DBA] });
    return service;
  }

  it('gets a message by the bot, whose time stamp proves it', async () => {
    await using slack = await SlackDouble.start();
    await using service = await withSlack(slack, { name: 'dba', slackChannel: '#general' });
    const event = backupFailed({ config: '<!channel> & co' });
    await publishEvent(service.broker, event);
    expect(await concluded(service, event)).toMatchObject([
      { state: 'sent', channel: 'slack', destination: '#general', providerId: slack.messages[0]?.ts },
    ]);
    expect(slack.messages[0]?.text).toContain('FAILED: backup "&lt;!channel&gt; &amp; co" of erp');
  });

  it('gets a message by a webhook, whose address nobody sees', async () => {
    await using slack = await SlackDouble.start();
    process.env['HOZEN_SPEC_WEBHOOK'] = slack.webhookUrl('general');
    await using service = await withSlack(slack, { name: 'dba', slackWebhook: 'env:HOZEN_SPEC_WEBHOOK' });
    slack.answerNext(1, { error: 'invalid_payload' });
    const refused = backupFailed();
    await publishEvent(service.broker, refused);
    expect(await concluded(service, refused)).toMatchObject([{ state: 'failed', destination: 'incoming webhook' }]);
    const event = backupFailed();
    await publishEvent(service.broker, event);
    expect(await concluded(service, event)).toMatchObject([{ state: 'sent', destination: 'incoming webhook' }]);
    const ledger = JSON.stringify(await service.dataSource.query(`select * from deliveries`));
    expect(ledger).not.toContain('/services/');
  });

  it.each(['bot', 'webhook'])('that limits a %s is left alone for as long as it says', async (way) => {
    await using slack = await SlackDouble.start();
    process.env['HOZEN_SPEC_WEBHOOK'] = slack.webhookUrl('general');
    const address = way === 'bot' ? { slackChannel: 'general' } : { slackWebhook: 'env:HOZEN_SPEC_WEBHOOK' };
    await using service = await withSlack(slack, { name: 'dba', ...address });
    slack.answerNext(1, { status: 429, headers: { 'retry-after': '2' } });
    const event = backupFailed();
    const began = performance.now();
    await publishEvent(service.broker, event);
    expect(await concluded(service, event)).toMatchObject([{ state: 'sent', attempts: 2 }]);
    expect(performance.now() - began).toBeGreaterThanOrEqual(2000);
    expect(slack.messages).toHaveLength(1);
  });

  it('that knows no such channel is not asked again; one with a fault of its own is', async () => {
    await using slack = await SlackDouble.start();
    await using service = await withSlack(slack, { name: 'dba', slackChannel: '#nowhere' });
    const lost = backupFailed();
    await publishEvent(service.broker, lost);
    expect(await concluded(service, lost)).toMatchObject([
      { state: 'failed', attempts: 1, error: 'channel_not_found' },
    ]);
    slack.channels.add('nowhere');
    slack.answerNext(1, { error: 'internal_error' });
    const told = backupFailed();
    await publishEvent(service.broker, told);
    expect(await concluded(service, told)).toMatchObject([{ state: 'sent', attempts: 2 }]);
  });

  it('that breaks the line before its answer gets the notice again, marked', async () => {
    await using slack = await SlackDouble.start();
    await using service = await withSlack(slack, { name: 'dba', slackChannel: '#general' });
    slack.answerNext(1, { drop: true, delivered: true });
    const event = backupFailed();
    await publishEvent(service.broker, event);
    expect(await concluded(service, event)).toMatchObject([
      { state: 'sent', attempts: 2, error: 'outcome unknown, sent again' },
    ]);
    expect(slack.messages.map(({ text }) => text.includes('Sent again'))).toEqual([false, true]);
  });

  it('is told at once while the mail server is down', async () => {
    await using slack = await SlackDouble.start();
    const port = await freePort();
    await using service = await withSlack(slack, SLACK_AND_MAIL, {
      HOZEN_SMTP_URL: `smtp://127.0.0.1:${port}`,
      HOZEN_NOTIFY_RETRY_SECONDS: '600',
    });
    const events = Array.from({ length: 10 }, () => backupFailed());
    for (const event of events) await publishEvent(service.broker, event);
    await slack.waitForCount(events.length);
    const [event] = events;
    const states = await deliveries(service, event ?? { id: '' });
    expect(states.find(({ channel }) => channel === 'email')?.state).not.toBe('sent');
  });
});

describe('the configuration', () => {
  it('is refused whole when a rule leads to nobody', async () => {
    await using service = await start();
    const answer = await ask(service, 'PUT', '/configuration', {
      recipients: [{ name: 'mute' }, { name: 'dba', email: 'dba@example.org' }],
      rules: [
        { events: ['backup.failed'], recipients: ['nobody'] },
        { events: ['backup.failed'], recipients: ['dba'], channels: ['slack'] },
      ],
    });
    expect(answer).toMatchObject({
      error: { code: 'CONFIG_INVALID' },
      reasons: [{ field: 'recipients.0' }, { field: 'rules.0.recipients.0' }, { field: 'rules.1.recipients.0' }],
    });
  });

  it('applied twice changes nothing, and a dry run never does', async () => {
    await using service = await start();
    const file = { recipients: [{ name: 'dba', email: 'dba@example.org' }], rules: [TELL_DBA] };
    expect(await ask(service, 'PUT', '/configuration?dryRun=true', file)).toMatchObject({
      applied: false,
      changes: [{ change: 'create' }, { change: 'create' }],
    });
    expect(await ask(service, 'PUT', '/configuration', file)).toMatchObject({
      applied: true,
      changes: [
        { kind: 'recipient', name: 'dba', change: 'create' },
        { kind: 'rule', change: 'create' },
      ],
    });
    expect(await ask(service, 'PUT', '/configuration', file)).toMatchObject({
      changes: [{ change: 'unchanged' }, { change: 'unchanged' }],
    });
    const changed = { recipients: [{ ...file.recipients[0], language: 'ja' }], rules: [] };
    expect(await ask(service, 'PUT', '/configuration', changed)).toMatchObject({
      changes: [{ change: 'update', fields: [{ field: 'language', before: 'en', after: 'ja' }] }],
    });
  });

  it('can be tried with a test notice', async () => {
    await using sink = await MailSink.start();
    await using service = await start(tellingDba(sink));
    const [planned] = (await ask(service, 'POST', '/test', { recipient: 'default' })) as DeliveryView[];
    expect(planned).toMatchObject({ eventType: 'notification.test', channel: 'email' });
    await sink.waitFor(({ subject }) => subject === 'Test notice from Hozen');
    expect(await ask(service, 'POST', '/test', { recipient: 'x' })).toMatchObject({ error: { code: 'NOT_FOUND' } });
  });

  it('of the environment is reported with every fault and no value', async () => {
    const wrong = start({
      HOZEN_SMTP_URL: 'smtp://me:hunter2@host',
      HOZEN_SLACK_TOKEN: 'xoxb-1',
      HOZEN_TIME_ZONE: 'Mars',
    });
    const message = await wrong.then(
      () => 'it started',
      (error: Error) => error.message,
    );
    expect(message).toMatch(/HOZEN_SMTP_URL.*HOZEN_SLACK_TOKEN.*HOZEN_TIME_ZONE/s);
    expect(message).not.toMatch(/hunter2|xoxb-1/);
  });
});
