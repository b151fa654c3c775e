import { rm } from 'node:fs/promises';
import { newEvent, type Envelope } from '@hozen/contracts';
import { eventually, ServiceDatabases, tempDir, TestNats, TestPostgres } from '@hozen/testkit';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { backupRequested, ServiceUnderTest, type UnderTestSettings } from '../spec-support/service-under-test.js';

let postgres: TestPostgres;
let nats: TestNats;
let databases: ServiceDatabases;

beforeAll(async () => {
  postgres = await TestPostgres.start();
});
beforeEach(async () => {
  [nats, databases] = await Promise.all([TestNats.start(), ServiceDatabases.provision(postgres)]);
  return () => nats[Symbol.asyncDispose]();
});
afterEach(() => {
  delete process.env['HOZEN_FAILPOINTS'];
});
afterAll(() => postgres[Symbol.asyncDispose]());

const start = (more: Partial<UnderTestSettings> = {}) =>
  ServiceUnderTest.start({ natsUrl: nats.url, databaseUrl: databases.urls.backup, ...more });

const idsIn = async (service: ServiceUnderTest) => (await service.messagesIn('BACKUP')).map(({ id }) => id);

it('publishes what a transaction committed, with the id as the message id, and marks where it stands', async () => {
  await using service = await start();
  const event = backupRequested();
  await service.outbox.transaction((tx) => tx.publish(event));
  const message = await eventually(async () => {
    const found = await service.broker.jsm.streams.getMessage('BACKUP', { seq: 1 });
    if (!found) throw new Error('not there yet');
    return found;
  });
  expect(message.header.get('Nats-Msg-Id')).toBe(event.id);
  expect(message.json<Envelope>()).toMatchObject({ id: event.id, type: 'backup.requested', data: event.data });
  await eventually(async () => {
    const rows = await service.dataSource.query(
      'select stream, stream_sequence, sent_at is null as unsent from outbox',
    );
    expect(rows).toEqual([{ stream: 'BACKUP', stream_sequence: '1', unsent: false }]);
  });
});

it('publishes nothing of a transaction that failed', async () => {
  await using service = await start();
  const failing = service.outbox.transaction(async (tx) => {
    await tx.publish(backupRequested());
    throw new Error('changed my mind');
  });
  await expect(failing).rejects.toThrow('changed my mind');
  const after = backupRequested();
  await service.outbox.transaction((tx) => tx.publish(after));
  await eventually(async () => expect(await idsIn(service)).toEqual([after.id]));
});

it('publishes at once after the commit, without waiting for the poll', async () => {
  await using service = await start({ outbox: { pollMs: 60_000 } });
  const event = backupRequested();
  await service.outbox.transaction((tx) => tx.publish(event));
  await eventually(async () => expect(await idsIn(service)).toEqual([event.id]), { within: 2_000 });
});

it('lets go of what is too old to be of use, and of nothing else', async () => {
  const kept: string[] = [];
  {
    await using service = await start();
    const write = async (days: number, once?: string) => {
      const event = backupRequested();
      await service.outbox.transaction((tx) => tx.publish(event, once === undefined ? {} : { once }));
      await eventually(async () => expect(await idsIn(service)).toContain(event.id));
      await eventually(async () => {
        const aged = `update outbox set sent_at = sent_at - $2 * interval '1 day' where id = $1 and sent_at is not null`;
        const [, rows] = await service.dataSource.query<[unknown, number]>(aged, [event.id, days]);
        expect(rows).toBe(1);
      });
      return event.id;
    };
    await write(31);
    await write(401, 'terminal:old');
    kept.push(await write(29), await write(399, 'terminal:young'));
    for (const days of [181, 179]) {
      await service.dataSource.query(
        `insert into dead_letters (id, subject, message_id, body, headers, reasons, deliveries, created_at)
         values (gen_random_uuid(), 'backup.requested', $1::text, 'x', '{}', '[]', 1, clock_timestamp() - $1::int * interval '1 day')`,
        [days],
      );
    }
  }
  await using service = await start();
  await eventually(async () => {
    const events = await service.dataSource.query<{ id: string }[]>('select id from outbox');
    expect(events.map(({ id }) => id).toSorted()).toEqual(kept.toSorted());
    const letters = await service.dataSource.query('select message_id from dead_letters');
    expect(letters).toEqual([{ message_id: '179' }]);
  });
});

it('writes one event for a key, whoever comes first', async () => {
  await using service = await start();
  const events = [backupRequested('a'), backupRequested('b'), backupRequested('c')];
  await Promise.all(
    events.map((event) => service.outbox.transaction((tx) => tx.publish(event, { once: 'terminal:run-1' }))),
  );
  await service.outbox.transaction((tx) => tx.publish(events[0] ?? backupRequested(), { once: 'terminal:run-1' }));
  await eventually(async () => expect(await idsIn(service)).toHaveLength(1));
});

it('keeps the order of writing', async () => {
  await using service = await start();
  const events = Array.from({ length: 250 }, (_, index) => backupRequested(`config ${index}`));
  await service.outbox.transaction(async (tx) => {
    for (const event of events) await tx.publish(event);
  });
  await eventually(async () => expect(await idsIn(service)).toEqual(events.map(({ id }) => id)));
});

it('sends what was written while the broker was away', async () => {
  await using service = await start();
  await nats.stop('SIGKILL');
  const events = [backupRequested(), backupRequested()];
  for (const event of events) await service.outbox.transaction((tx) => tx.publish(event));
  await nats.restart();
  await eventually(async () =>
    expect((await idsIn(service)).toSorted()).toEqual(events.map(({ id }) => id).toSorted()),
  );
});

it('does no harm when it dies between publishing and marking: sent again, handled once', async () => {
  await using folder = await tempDir();
  const deliveries: string[] = [];
  await using service = await start({
    handler: async (event, _context, under) => {
      deliveries.push(event.id);
      await under.effect(event);
    },
  });
  process.env['HOZEN_FAILPOINTS'] = `outbox.after-publish=throw@${folder.join('once')}`;
  const event = backupRequested();
  await service.outbox.transaction((tx) => tx.publish(event));
  await eventually(async () => {
    expect(await service.dataSource.query('select attempts from outbox where sent_at is not null')).toEqual([
      { attempts: 1 },
    ]);
  });
  await rm(folder.join('once'));
  await eventually(async () => expect(await service.effectsOf(event)).toBe(1));
});

it('sends each event once when two processes of the service relay', async () => {
  await using first = await start();
  await using second = await start();
  const events = Array.from({ length: 120 }, (_, index) => backupRequested(`config ${index}`));
  await Promise.all(
    events.map((event, index) => (index % 2 ? first : second).outbox.transaction((tx) => tx.publish(event))),
  );
  await eventually(async () => expect((await idsIn(first)).toSorted()).toEqual(events.map(({ id }) => id).toSorted()));
  // The broker would hide that an event was sent twice; the rows do not.
  await eventually(async () => {
    const rows = await first.dataSource.query('select attempts, count(*)::int as n from outbox group by 1');
    expect(rows).toEqual([{ attempts: 1, n: 120 }]);
  });
});

it('lets other events pass one that the broker refuses', async () => {
  await using service = await start();
  const huge = newEvent('backup.requested', { config: 'huge', reason: 'x'.repeat(2_000_000) }, { source: 'spec' });
  const event = backupRequested();
  await service.outbox.transaction(async (tx) => {
    await tx.publish(huge);
    await tx.publish(event);
  });
  await eventually(async () => expect(await idsIn(service)).toEqual([event.id]));
  await eventually(async () => {
    const [row] = (await service.dataSource.query('select attempts, last_error from outbox where id = $1', [
      huge.id,
    ])) as {
      attempts: number;
      last_error: string;
    }[];
    expect(row?.attempts).toBeGreaterThan(1);
    expect(row?.last_error).toMatch(/payload/i);
  });
});

it('publishes an event with a character that jsonb cannot hold', async () => {
  await using service = await start();
  const event = backupRequested('a\0b');
  await service.outbox.transaction((tx) => tx.publish(event));
  await eventually(async () => expect(await idsIn(service)).toEqual([event.id]));
});

it('sends what is left when it stops', async () => {
  const service = await start({ outbox: { pollMs: 60_000 } });
  await using witness = await start({ databaseUrl: databases.urls.notifier, service: 'notifier' });
  const event = backupRequested();
  await service.dataSource.transaction(async (manager) => {
    await manager.query(`insert into outbox (id, subject, body) values ($1, $2, $3)`, [
      event.id,
      event.type,
      JSON.stringify(event),
    ]);
  });
  await service.stop();
  expect(await idsIn(witness)).toEqual([event.id]);
});

it('lives on when its sessions are ended in the middle of everything', async () => {
  await using service = await start();
  await using admin = await postgres.client(databases.database);
  const committed: string[] = [];
  for (let index = 0; index < 20; index++) {
    const event = backupRequested(`config ${index}`);
    const writing = service.outbox
      .transaction((tx) => tx.publish(event))
      .then(
        () => committed.push(event.id),
        () => undefined,
      );
    if (index % 4 === 0) {
      await admin.query(
        `select pg_terminate_backend(pid) from pg_stat_activity where datname = $1 and usename = 'hozen_backup'`,
        [databases.database],
      );
    }
    await writing;
  }
  expect(committed.length).toBeGreaterThan(10);
  await eventually(async () => expect(await idsIn(service)).toEqual(expect.arrayContaining(committed)));
});
