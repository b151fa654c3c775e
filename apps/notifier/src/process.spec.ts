import { spawn, type ChildProcess } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { newEvent, type EventOf } from '@hozen/contracts';
import { connectBroker, ensureStreams, publishEvent } from '@hozen/messaging';
import {
  eventually,
  MailSink,
  OtlpReceiver,
  ServiceDatabases,
  SlackDouble,
  tempDir,
  TestNats,
  TestPostgres,
} from '@hozen/testkit';

/** Processes take seconds to start where the machine is busy. */
const PATIENCE = { within: 30_000 };

/** The built notifier in a process of its own, as it runs in production. */
const APP = fileURLToPath(new URL('..', import.meta.url));

let postgres: TestPostgres;
let nats: TestNats;
let databases: ServiceDatabases;
let sink: MailSink;
let running: ChildProcess[];
beforeEach(async () => {
  running = [];
  [postgres, nats, sink] = await Promise.all([TestPostgres.start(), TestNats.start(), MailSink.start()]);
  databases = await ServiceDatabases.provision(postgres);
});
afterEach(async () => {
  for (const child of running) child.kill('SIGKILL');
  await Promise.all([postgres, nats, sink].map((each) => each[Symbol.asyncDispose]()));
});

function notifier(env: Record<string, string>): ChildProcess {
  const child = spawn(process.execPath, ['--import', '@hozen/telemetry/register', 'dist/main.js'], {
    cwd: APP,
    env: {
      PATH: process.env['PATH'],
      OTEL_SERVICE_NAME: 'notifier',
      HOZEN_DATABASE_URL: databases.urls.notifier,
      HOZEN_NATS_URL: nats.url,
      HOZEN_SMTP_URL: sink.url,
      HOZEN_DEFAULT_EMAIL: 'dba@example.org',
      HOZEN_NOTIFY_LEASE_SECONDS: '2',
      HOZEN_NOTIFY_RETRY_SECONDS: '0.2,0.2',
      ...env,
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  running.push(child);
  return child;
}

function backupFailed(traceparent?: string): EventOf<'backup.failed'> {
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
      attempts: 1,
      finishedAt: '2026-05-01T02:10:00Z',
      error: { code: 'CANCELLED', message: 'It was cancelled', hint: 'Start it again when you are ready.' },
    },
    { source: 'hozen/backup', subject: runId, ...(traceparent === undefined ? {} : { traceparent }) },
  );
}

async function publish(event: EventOf<'backup.failed'>): Promise<void> {
  const broker = await connectBroker({ url: nats.url, name: 'spec' });
  try {
    await ensureStreams(broker);
    await publishEvent(broker, event);
  } finally {
    await broker.close();
  }
}

async function ledger(): Promise<{ state: string; attempts: number; error: string | null }[]> {
  await using client = await postgres.client(databases.database);
  const { rows } = await client.query(`select state, attempts, error from notifier.deliveries`);
  return rows as { state: string; attempts: number; error: string | null }[];
}

it('killed after it took a notice and before it sent it, the next one sends it, once', async () => {
  await using folder = await tempDir();
  const env = { HOZEN_FAILPOINTS: `notifier.claimed=kill@${folder.join('marker')}` };
  const first = notifier(env);
  await publish(backupFailed());
  expect(await once(first, 'exit')).toEqual([null, 'SIGKILL']);
  expect(sink.attempts).toBe(0);
  expect(await ledger()).toMatchObject([{ state: 'sending', attempts: 1 }]);

  notifier(env);
  await eventually(async () => {
    expect(await ledger()).toEqual([{ state: 'sent', attempts: 2, error: 'outcome unknown, sent again' }]);
  }, PATIENCE);
  expect(sink.messages).toHaveLength(1);
});

it('killed after it sent a notice and before it wrote so, the next one sends the same mail again', async () => {
  await using folder = await tempDir();
  const env = { HOZEN_FAILPOINTS: `notifier.sent=kill@${folder.join('marker')}` };
  const first = notifier(env);
  await publish(backupFailed());
  expect(await once(first, 'exit')).toEqual([null, 'SIGKILL']);

  notifier(env);
  await eventually(async () => expect(await ledger()).toMatchObject([{ state: 'sent', attempts: 2 }]), PATIENCE);
  const ids = sink.messages.map(({ headers }) => headers.get('message-id'));
  expect(ids).toHaveLength(2);
  expect(ids[0]).toBe(ids[1]);
});

it('continues the trace of the event, and shows no secret in logs and traces', async () => {
  await using slack = await SlackDouble.start();
  await using receiver = await OtlpReceiver.start();
  const webhook = slack.webhookUrl('general');
  const service = notifier({
    OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url,
    HOZEN_LOG_LEVEL: 'trace',
    WEBHOOK: webhook,
    HOZEN_SLACK_TOKEN: 'env:TOKEN',
    TOKEN: slack.token,
    HOZEN_SLACK_API_URL: slack.apiUrl,
    HOZEN_SMTP_USER: 'hozen',
    HOZEN_SMTP_PASSWORD: 'env:PASSWORD',
    PASSWORD: 'hunter2-words',
  });
  const output = service.stdout === null ? Promise.resolve('') : text(service.stdout);
  await eventually(async () => {
    await using client = await postgres.client(databases.database);
    await client.query(`insert into notifier.recipients (name, language, slack_webhook, slack_channel)
      values ('hook', 'en', 'env:WEBHOOK', null), ('bot', 'en', null, 'general')`);
    await client.query(`insert into notifier.notification_rules values (0, '{backup.failed}', '{hook,bot}')`);
  }, PATIENCE);
  const event = backupFailed(`00-${'ab'.repeat(16)}-${'cd'.repeat(8)}-01`);
  slack.answerNext(2, { status: 500 });
  await publish(event);
  await slack.waitForCount(2, PATIENCE);
  await eventually(async () => expect(await ledger()).toMatchObject([{ state: 'sent' }, { state: 'sent' }]), PATIENCE);
  service.kill('SIGTERM');
  expect(await once(service, 'exit')).toEqual([0, null]);

  const names = receiver.spans('ab'.repeat(16)).map(({ name }) => name);
  expect(names).toEqual(expect.arrayContaining(['notify hook by slack', 'notify bot by slack']));
  const shown = (await output) + JSON.stringify(receiver.spans());
  expect(shown).toContain('notify hook by slack');
  expect(shown).not.toContain(new URL(webhook).pathname);
  expect(shown).not.toContain(slack.token);
  expect(shown).not.toContain('hunter2');
});
