import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ChangeListView, ErrorView, ScheduleSpec, ScheduleView } from '@hozen/contracts';
import { startService, type RunningService } from '@hozen/service';
import { eventually, ServiceDatabases, TestNats, TestPostgres } from '@hozen/testkit';
import { SCHEDULER } from './scheduler.js';

let postgres: TestPostgres;
let nats: TestNats;
beforeAll(async () => {
  [postgres, nats] = await Promise.all([TestPostgres.start(), TestNats.start()]);
});
afterAll(async () => {
  await Promise.all([postgres[Symbol.asyncDispose](), nats[Symbol.asyncDispose]()]);
});

async function scheduler(url: string): Promise<RunningService> {
  const env = { HOZEN_DATABASE_URL: url, HOZEN_NATS_URL: nats.url };
  return startService({ ...SCHEDULER, env, ownsProcess: false });
}

/** A scheduler on a database of its own. */
async function freshScheduler() {
  const { urls } = await ServiceDatabases.provision(postgres);
  return scheduler(urls.scheduler);
}

async function call(
  service: RunningService,
  method: string,
  path: string,
  body?: unknown,
): Promise<{ status: number; body: unknown }> {
  const response = await fetch(service.url + path, {
    method,
    ...(body === undefined ? {} : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
  });
  return { status: response.status, body: await response.json() };
}

async function listed(service: RunningService): Promise<ScheduleView[]> {
  return (await call(service, 'GET', '/schedules')).body as ScheduleView[];
}

const NIGHTLY = { name: 'nightly', cron: '0 2 * * *', timeZone: 'Asia/Tokyo', request: { config: 'all' } };

async function apply(service: RunningService, ...schedules: Partial<ScheduleSpec>[]): Promise<ChangeListView> {
  const { status, body } = await call(service, 'PUT', '/configuration', { schedules });
  expect({ status, body }).toMatchObject({ status: 200 });
  return body as ChangeListView;
}

/** Moves a schedule back in time, as if no scheduler had run since. */
async function missSince(service: RunningService, name: string, interval: string): Promise<void> {
  await service.dataSource.query(
    `update schedules set settled_until = date_trunc('second', now()) - $2::interval, next_fire_at = now() where name = $1`,
    [name, interval],
  );
}

interface Fire {
  scheduledFor: string;
  result: string;
  reason: string | null;
  eventId: string | null;
  kind: string;
}

function fires(service: RunningService, name: string): Promise<Fire[]> {
  return service.dataSource.query(
    `select to_char(scheduled_for, 'YYYY-MM-DD HH24:MI:SS') as "scheduledFor", result, reason, event_id as "eventId", kind
       from schedule_fires f join schedules s on s.id = f.schedule_id
      where s.name = $1 order by scheduled_for`,
    [name],
  );
}

interface Published {
  id: string;
  body: { type: string; traceparent?: string; data: Record<string, unknown> };
}

function published(service: RunningService): Promise<Published[]> {
  return service.dataSource.query(`select id, body from outbox where sent_at is not null order by position`);
}

describe('the configuration', () => {
  it('creates, changes and keeps schedules by name, and tells what a dry run would do', async () => {
    await using service = await freshScheduler();
    expect(await apply(service, NIGHTLY)).toMatchObject({
      applied: true,
      changes: [{ kind: 'schedule', name: 'nightly', change: 'create' }],
    });
    const dry = await call(service, 'PUT', '/configuration?dryRun=true', {
      schedules: [NIGHTLY, { ...NIGHTLY, name: 'weekly' }],
    });
    expect(dry.body).toMatchObject({ applied: false, changes: [{ change: 'unchanged' }, { change: 'create' }] });
    const changed = await apply(service, { ...NIGHTLY, cron: '0 3 * * *' });
    expect(changed.changes[0]).toMatchObject({
      change: 'update',
      fields: [{ field: 'cron', before: '0 2 * * *', after: '0 3 * * *' }],
    });
    const schedules = await listed(service);
    expect(schedules).toMatchObject([{ name: 'nightly', cron: '0 3 * * *', timeZone: 'Asia/Tokyo', enabled: true }]);
    expect(schedules[0]?.nextFires).toHaveLength(10);
    expect(schedules[0]?.nextFires[0]).toMatch(/T18:00:00\.000Z$/);
  });

  it('is refused whole, with every reason', async () => {
    await using service = await freshScheduler();
    const { status, body } = await call(service, 'PUT', '/configuration', {
      schedules: [
        { ...NIGHTLY, cron: '61 * * * *' },
        { ...NIGHTLY, name: 'typo', request: { confg: 'all', level: 'huge' } },
        { ...NIGHTLY, name: 'typo' },
      ],
    });
    expect({ status, body }).toMatchObject({ status: 400, body: { error: { code: 'CONFIG_INVALID' } } });
    expect((body as ErrorView).reasons?.map(({ field }) => field).toSorted()).toEqual(
      [
        'schedules.0.cron',
        'schedules.1.request.config',
        'schedules.1.request.config',
        'schedules.1.request.config',
        'schedules.1.request.confg',
        'schedules.1.request.level',
        'schedules.2.name',
      ].toSorted(),
    );
    expect(await listed(service)).toEqual([]);
  });
});

describe('firing', () => {
  it('publishes a slot as an automatic request of the schedule, in a trace of its own', async () => {
    await using service = await freshScheduler();
    await apply(service, { ...NIGHTLY, cron: '* * * * * *' });
    const [event] = await eventually(async () => {
      const events = await published(service);
      expect(events.length).toBeGreaterThan(0);
      return events;
    });
    expect(event?.body).toMatchObject({
      type: 'backup.requested',
      source: 'hozen/scheduler',
      data: { config: 'all', trigger: 'automatic', requestedBy: 'schedule:nightly' },
    });
  });

  it('happens once a slot, however many instances there are', async () => {
    const { urls } = await ServiceDatabases.provision(postgres);
    await using first = await scheduler(urls.scheduler);
    await using second = await scheduler(urls.scheduler);
    await using third = await scheduler(urls.scheduler);
    await apply(first, ...['a', 'b', 'c'].map((name) => ({ ...NIGHTLY, name, cron: '* * * * * *' })));
    for (const name of ['a', 'b', 'c']) {
      const slots = await eventually(async () => {
        const rows = await fires(second, name);
        expect(rows.length).toBeGreaterThanOrEqual(4);
        return rows;
      });
      expect(slots.every(({ result }) => result === 'fired')).toBe(true);
      expect(new Set(slots.map(({ scheduledFor }) => scheduledFor)).size).toBe(slots.length);
      const instants = slots.map(({ scheduledFor }) => Date.parse(`${scheduledFor}Z`));
      expect(instants).toEqual(instants.map((_, index) => (instants[0] ?? 0) + index * 1000));
    }
    await eventually(async () => {
      const fired = (await Promise.all(['a', 'b', 'c'].map((name) => fires(third, name)))).flat();
      const events = await published(first);
      expect(events.map(({ id }) => id)).toEqual(expect.arrayContaining(fired.map(({ eventId }) => eventId)));
      expect(new Set(events.map(({ id }) => id)).size).toBe(events.length);
    });
  });

  it('does not happen twice when the clock of the database went back', async () => {
    await using service = await freshScheduler();
    await apply(service, { ...NIGHTLY, cron: '0 * * * *', misfire: 'all' });
    await missSince(service, 'nightly', '3 hours');
    const before = await eventually(async () => {
      const rows = await fires(service, 'nightly');
      expect(rows).toHaveLength(3);
      return rows;
    });
    await missSince(service, 'nightly', '3 hours');
    await eventually(async () => {
      const [row] = (await service.dataSource.query(`select next_fire_at > now() as "settled" from schedules`)) as {
        settled: boolean;
      }[];
      expect(row?.settled).toBe(true);
    });
    expect(await fires(service, 'nightly')).toEqual(before);
    await eventually(async () => expect(await published(service)).toHaveLength(3));
  });

  it('goes on for the others when one schedule cannot be fired', async () => {
    await using service = await freshScheduler();
    await apply(service, NIGHTLY, { ...NIGHTLY, name: 'good' });
    await service.dataSource.query(`update schedules set request = '{"gone":1}' where name = 'nightly'`);
    await missSince(service, 'nightly', '3 days');
    await missSince(service, 'good', '1 day');
    await eventually(async () => expect(await fires(service, 'good')).not.toEqual([]));
    const [row] = (await service.dataSource.query(`select last_error from schedules where name = 'nightly'`)) as {
      last_error: string;
    }[];
    expect(row?.last_error).toContain('gone');
    expect(await fires(service, 'nightly')).toEqual([]);
  });
});

describe('slots missed while no scheduler ran', () => {
  it.each([
    ['latest', ['coalesced', 'coalesced', 'fired']],
    ['skip', ['skipped', 'skipped', 'skipped']],
    ['all', ['skipped', 'fired', 'fired']],
  ] as const)('with the policy %s end as %j', async (misfire, expected) => {
    await using service = await freshScheduler();
    // Far from now, so that each slot is clearly missed.
    const hour = (new Date().getUTCHours() + 12) % 24;
    await apply(service, { ...NIGHTLY, cron: `30 ${hour} * * *`, timeZone: 'UTC', misfire, catchUpLimit: 2 });
    await missSince(service, 'nightly', '3 days');
    await eventually(async () => {
      expect((await fires(service, 'nightly')).map(({ result }) => result)).toEqual(expected);
    });
  });

  it('are all settled after a long outage of a busy schedule, and one is made up for', async () => {
    await using service = await freshScheduler();
    await apply(service, { ...NIGHTLY, cron: '* * * * *' });
    await missSince(service, 'nightly', '2 days');
    const rows = await eventually(
      async () => {
        const all = await fires(service, 'nightly');
        expect(all.length).toBeGreaterThanOrEqual(2880);
        return all;
      },
      { within: 30_000 },
    );
    const fired = rows.filter(({ result }) => result === 'fired');
    expect(fired.length).toBeLessThanOrEqual(2);
    expect(fired.at(-1)).toEqual(rows.at(-1));
  });
});

describe('a paused schedule', () => {
  it('records its slots as skipped, and begins anew when resumed', async () => {
    await using service = await freshScheduler();
    const paused = { ...NIGHTLY, cron: '* * * * * *', enabled: false };
    await apply(service, paused);
    await eventually(async () => {
      const [slot] = await fires(service, 'nightly');
      expect(slot).toMatchObject({ result: 'skipped', reason: 'paused' });
    });
    expect((await listed(service))[0]?.nextFires).toEqual([]);
    await missSince(service, 'nightly', '1 minute');
    await apply(service, { ...paused, enabled: true });
    await eventually(async () => {
      const fired = (await fires(service, 'nightly')).filter(({ result }) => result === 'fired');
      expect(fired.length).toBeGreaterThan(1);
    });
  });
});

describe('a manual run', () => {
  it('publishes what the schedule would, once for a repeated call, also when it is paused', async () => {
    await using service = await freshScheduler();
    await apply(service, { ...NIGHTLY, name: 'noch einmal', enabled: false });
    const requestId = '6f2f8a50-5b1e-4c7e-9d4e-0a2b3c4d5e6f';
    const path = `/schedules/${encodeURIComponent('noch einmal')}/fire`;
    for (let again = 0; again < 2; again++) {
      const { status, body } = await call(service, 'POST', path, {
        requestId,
        reason: 'before the upgrade',
      });
      expect({ status, body }).toEqual({ status: 202, body: { requestId } });
    }
    const events = await eventually(async () => {
      const all = await published(service);
      expect(all).toHaveLength(1);
      return all;
    });
    expect(events[0]).toMatchObject({
      id: requestId,
      body: { data: { config: 'all', trigger: 'manual', reason: 'before the upgrade' } },
    });
    expect(await fires(service, 'noch einmal')).toMatchObject([
      { kind: 'manual', result: 'fired', eventId: requestId },
    ]);
  });

  it('of a schedule that is not there is answered with what to do', async () => {
    await using service = await freshScheduler();
    const { status, body } = await call(service, 'POST', '/schedules/none/fire');
    expect({ status, body }).toMatchObject({ status: 404, body: { error: { code: 'NOT_FOUND' } } });
  });
});
