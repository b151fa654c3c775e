import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { startService, type RunningService } from '@hozen/service';
import { eventually, OtlpReceiver, ServiceDatabases, tempDir, TestNats, TestPostgres } from '@hozen/testkit';
import { SCHEDULER } from './scheduler.js';

/** Processes take seconds to start where the machine is busy. */
const PATIENCE = { within: 30_000 };

/** The built scheduler in a process of its own, as it runs in production. */
const APP = fileURLToPath(new URL('..', import.meta.url));

let postgres: TestPostgres;
let nats: TestNats;
let databases: ServiceDatabases;
beforeEach(async () => {
  [postgres, nats] = await Promise.all([TestPostgres.start(), TestNats.start()]);
  databases = await ServiceDatabases.provision(postgres);
});
afterEach(async () => {
  await Promise.all([postgres[Symbol.asyncDispose](), nats[Symbol.asyncDispose]()]);
});

function environment() {
  return { HOZEN_DATABASE_URL: databases.urls.scheduler, HOZEN_NATS_URL: nats.url };
}

function inProcess(): Promise<RunningService> {
  return startService({ ...SCHEDULER, env: environment(), ownsProcess: false });
}

function outOfProcess(env: Record<string, string>): ChildProcess {
  return spawn(process.execPath, ['--import', '@hozen/telemetry/register', 'dist/main.js'], {
    cwd: APP,
    env: {
      PATH: process.env['PATH'],
      OTEL_SERVICE_NAME: 'scheduler',
      HOZEN_LOG_LEVEL: 'warn',
      ...environment(),
      ...env,
    },
    stdio: ['ignore', 'inherit', 'inherit'],
  });
}

/** Leaves a schedule in the database that was due an hour ago. */
async function leaveDueSchedule(): Promise<void> {
  await using service = await inProcess();
  const schedules = [{ name: 'nightly', cron: '0 2 * * *', request: { config: 'all' } }];
  const response = await fetch(`${service.url}/configuration`, {
    method: 'PUT',
    body: JSON.stringify({ schedules }),
    headers: { 'content-type': 'application/json' },
  });
  expect(response.status).toBe(200);
  await service.stop();
  await using client = await postgres.client(databases.database);
  await client.query(
    `update scheduler.schedules set settled_until = now() - interval '1 day', next_fire_at = now() - interval '1 hour'`,
  );
}

async function countIn(service: RunningService, query: string): Promise<number> {
  const [row] = (await service.dataSource.query(`select count(*)::int as n ${query}`)) as [{ n: number }];
  return row.n;
}

it.each([['scheduler.decided'], ['outbox.before-publish'], ['outbox.after-publish']])(
  'killed at %s, the slot is published exactly once by whoever comes next',
  async (failpoint) => {
    await leaveDueSchedule();
    await using folder = await tempDir();
    const scheduler = outOfProcess({ HOZEN_FAILPOINTS: `${failpoint}=kill@${folder.join('marker')}` });
    expect(await once(scheduler, 'exit')).toEqual([null, 'SIGKILL']);

    await using next = await inProcess();
    await eventually(async () => {
      expect(await countIn(next, `from outbox where sent_at is null`)).toBe(0);
      expect(await countIn(next, `from schedule_fires where result = 'fired'`)).toBe(1);
      const { state } = await next.broker.jsm.streams.info('BACKUP');
      expect(state.messages).toBe(1);
    }, PATIENCE);
  },
);

it('begins a trace with each fire, which the event and the record carry on', async () => {
  await using receiver = await OtlpReceiver.start();
  await leaveDueSchedule();
  const scheduler = outOfProcess({ OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url });
  const spans = await receiver.waitFor((all) => all.some(({ name }) => name === 'fire nightly'));
  const fire = spans.find(({ name }) => name === 'fire nightly');
  expect(fire?.parentSpanId).toBeUndefined();
  await using client = await postgres.client(databases.database);
  const { rows } = await client.query(
    `select f.trace_id, o.body ->> 'traceparent' as traceparent
       from scheduler.schedule_fires f join scheduler.outbox o on o.id = f.event_id`,
  );
  expect(rows).toEqual([
    { trace_id: fire?.traceId, traceparent: expect.stringContaining(fire?.traceId ?? 'no trace') as string },
  ]);
  await receiver.waitFor((all) => all.some(({ traceId, name }) => traceId === fire?.traceId && name !== fire.name));
  scheduler.kill('SIGTERM');
  expect(await once(scheduler, 'exit')).toEqual([0, null]);
});
