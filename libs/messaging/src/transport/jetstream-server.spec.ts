import { HozenError, newEvent, type Envelope } from '@hozen/contracts';
import { eventually, ServiceDatabases, TestNats, TestPostgres } from '@hozen/testkit';
import { setTimeout as wait } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { JetStreamServer } from '../index.js';
import { publishEvent } from '../outbox/publish-event.js';
import { backupRequested, ServiceUnderTest, type Handler } from '../spec-support/service-under-test.js';

let postgres: TestPostgres;
let nats: TestNats;
let databases: ServiceDatabases;

beforeAll(async () => {
  postgres = await TestPostgres.start();
});
// A broker for each test: streams and consumers have the same names in all of them.
beforeEach(async () => {
  [nats, databases] = await Promise.all([TestNats.start(), ServiceDatabases.provision(postgres)]);
  return () => nats[Symbol.asyncDispose]();
});
afterAll(() => postgres[Symbol.asyncDispose]());

function start(handler: Handler, more: Partial<Parameters<typeof ServiceUnderTest.start>[0]> = {}) {
  return ServiceUnderTest.start({ natsUrl: nats.url, databaseUrl: databases.urls.backup, handler, ...more });
}

const pending = async (service: ServiceUnderTest) => {
  const { num_pending, num_ack_pending } = await service.broker.jsm.consumers.info('BACKUP', 'backup-backup-requested');
  return { num_pending, num_ack_pending };
};
const NOTHING = { num_pending: 0, num_ack_pending: 0 };

describe('a message', () => {
  it('that is bare JSON becomes an event whose missing attributes come from the message', async () => {
    const events: Envelope[] = [];
    await using service = await start(async (event) => {
      events.push(event);
      if (events.length === 1) throw new Error('once more');
    });
    await service.broker.js.publish('backup.requested', '{"config":"nightly"}');
    await eventually(() => expect(events).toHaveLength(2));
    expect(events[0]).toMatchObject({ type: 'backup.requested', data: { config: 'nightly' }, source: 'nats' });
    expect(events[0]?.id).toMatch(/^[0-9a-f-]{36}$/);
    expect(events[1]?.id).toBe(events[0]?.id);
  });

  it('is delivered again, not acknowledged, when its handler fails', async () => {
    const deliveries: number[] = [];
    await using service = await start(async (event, context, under) => {
      deliveries.push(context.deliveryCount);
      if (context.deliveryCount < 3) throw new Error('not yet');
      await under.effect(event);
    });
    const event = backupRequested();
    await publishEvent(service.broker, event);
    await eventually(async () => expect(await service.effectsOf(event)).toBe(1));
    expect(deliveries).toEqual([1, 2, 3]);
    await eventually(async () => expect(await pending(service)).toEqual(NOTHING));
  });

  it('has its effect once, however often it is delivered', async () => {
    let runs = 0;
    await using service = await start(async (event, _context, under) => {
      await under.effect(event);
      runs += 1;
      if (runs < 3) throw new Error('the acknowledgement is lost');
    });
    const event = backupRequested();
    await publishEvent(service.broker, event);
    await eventually(() => expect(runs).toBe(3));
    expect(await service.effectsOf(event)).toBe(1);
  });

  it('is refused once, and told so, when another one was handled under its id', async () => {
    await using service = await start((event, _context, under) => under.effect(event));
    const first = backupRequested();
    const publish = (data: object) => service.broker.js.publish('backup.requested', JSON.stringify({ ...first, data }));
    await publish({ config: 'nightly', reason: 'a' });
    await eventually(async () => expect(await service.effectsOf(first)).toBe(1));
    // The same, in another order.
    await publish({ reason: 'a', config: 'nightly' });
    await publish({ config: 'weekly' });
    await publish({ config: 'weekly' });
    await eventually(async () => {
      expect(await pending(service)).toEqual(NOTHING);
      const letters = (await service.dataSource.query('select message_id, reasons from dead_letters')) as unknown[];
      expect(letters).toEqual([{ message_id: first.id, reasons: [expect.objectContaining({ field: 'id' })] }]);
    });
    expect(await service.effectsOf(first)).toBe(1);
    const rejected = (await service.messagesIn('BACKUP')).filter(({ subject }) => subject === 'backup.rejected');
    expect(rejected).toHaveLength(1);
  });

  it('is not delivered to anyone else while a slow handler works on it', async () => {
    const deliveries: number[] = [];
    const settings = { server: { ackWaitMs: 600 } };
    const slow: Handler = async (event, context, under) => {
      deliveries.push(context.deliveryCount);
      await wait(2_000);
      await under.effect(event);
    };
    await using service = await start(slow, settings);
    await using other = await start(slow, settings);
    const event = backupRequested();
    await publishEvent(service.broker, event);
    await eventually(async () => expect(await other.effectsOf(event)).toBe(1));
    expect(deliveries).toEqual([1]);
  });

  it('waits for the database without losing deliveries when the database goes away', async () => {
    await using own = await TestPostgres.start();
    const { urls } = await ServiceDatabases.provision(own);
    const deliveries: number[] = [];
    const handler: Handler = async (event, context, under) => {
      deliveries.push(context.deliveryCount);
      await under.effect(event);
    };
    await using service = await start(handler, { databaseUrl: urls.backup, server: { maxDeliveries: 3, lanes: 1 } });
    await own.stop('immediate');
    const event = backupRequested();
    await publishEvent(service.broker, event);
    await eventually(() => expect(deliveries).toEqual([1]));
    await wait(1_000);
    expect(deliveries).toEqual([1]);
    await own.restart();
    await eventually(async () => expect(await service.effectsOf(event)).toBe(1));
  });

  it('is not buried because the database took no writes for a while, as after a failover to a standby', async () => {
    await using own = await TestPostgres.start();
    const { urls, database } = await ServiceDatabases.provision(own);
    const deliveries: number[] = [];
    const handler: Handler = async (event, context, under) => {
      deliveries.push(context.deliveryCount);
      await under.effect(event);
    };
    await using service = await start(handler, { databaseUrl: urls.backup, server: { maxDeliveries: 3, lanes: 1 } });
    const becomes = async (readOnly: 'on' | 'off') => {
      await using admin = await own.client();
      await admin.query(
        `alter role hozen_backup in database "${database}" set default_transaction_read_only = ${readOnly}`,
      );
      await admin.query(`select pg_terminate_backend(pid) from pg_stat_activity where usename = 'hozen_backup'`);
    };
    await becomes('on');
    const event = backupRequested();
    await publishEvent(service.broker, event);
    await eventually(() => expect(deliveries).toEqual([1]));
    await wait(1_500);
    await becomes('off');
    await eventually(async () => expect(await service.effectsOf(event)).toBe(1));
    expect(deliveries.length).toBeLessThanOrEqual(3);
  });

  it('is handled after the sessions of the database were ended by an administrator', async () => {
    await using service = await start((event, _context, under) => under.effect(event));
    const events = [];
    for (let index = 0; index < 5; index++) {
      await using admin = await postgres.client(databases.database);
      await admin.query(
        `select pg_terminate_backend(pid) from pg_stat_activity where datname = $1 and usename = 'hozen_backup'`,
        [databases.database],
      );
      const event = backupRequested();
      await publishEvent(service.broker, event);
      events.push(event);
    }
    for (const event of events) await eventually(async () => expect(await service.effectsOf(event)).toBe(1));
  });
});

describe('a message that cannot be accepted', () => {
  const letters = (service: ServiceUnderTest) =>
    service.dataSource.query('select subject, message_id, body, reasons, deliveries from dead_letters') as Promise<
      { subject: string; message_id: string; body: string; reasons: { message: string }[]; deliveries: number }[]
    >;

  it.each([
    ['no JSON', 'backup now!', ['']],
    ['no object', '"nightly"', ['']],
    ['two wrong fields', '{"config":"","level":"weekly"}', ['config', 'level']],
    ['an unknown field', '{"config":"a","confg":"b"}', ['confg']],
    ['a NUL that no table can hold', String.raw`{"config":"a\u0000b"}`, ['config']],
  ])('is answered with every reason, kept, and never delivered again: %s', async (_name, body, fields) => {
    let handled = 0;
    await using service = await start(async () => {
      handled += 1;
    });
    await service.broker.js.publish('backup.requested', body);
    const rejection = await eventually(async () => {
      const message = await service.broker.jsm.streams.getMessage('BACKUP', { last_by_subj: 'backup.rejected' });
      return message!.json<Envelope<{ requestId: string; reasons: { field: string }[] }>>();
    });
    expect([...new Set(rejection.data.reasons.map((reason) => reason.field))]).toEqual(fields);
    const [letter, ...more] = await letters(service);
    expect(letter).toMatchObject({ subject: 'backup.requested', body, message_id: rejection.data.requestId });
    expect(more).toEqual([]);
    await eventually(async () => {
      expect((await service.messagesIn('DEADLETTER')).map(({ subject }) => subject)).toEqual([
        'deadletter.backup.backup.requested',
      ]);
    });
    expect(await pending(service)).toEqual(NOTHING);
    expect(handled).toBe(0);
  });

  it('repeats the name that was asked for, and nothing that may be secret', async () => {
    await using service = await start(() => Promise.resolve());
    await service.broker.js.publish('backup.requested', '{"config":"nightly","password":"hunter2"}');
    await eventually(async () => {
      const message = await service.broker.jsm.streams.getMessage('BACKUP', { last_by_subj: 'backup.rejected' });
      expect(message?.json<Envelope>().data).toMatchObject({ config: 'nightly', reasons: [{ field: 'password' }] });
      expect(message?.string()).not.toContain('hunter2');
    });
  });

  it('is buried after the last try of a handler that always fails, and the request is answered', async () => {
    const deliveries: number[] = [];
    const handler: Handler = (_event, context) => {
      deliveries.push(context.deliveryCount);
      return Promise.reject(new Error('always'));
    };
    await using service = await start(handler, { server: { maxDeliveries: 3 } });
    const event = backupRequested();
    await publishEvent(service.broker, event);
    const [letter] = await eventually(async () => {
      const found = await letters(service);
      expect(found).toHaveLength(1);
      return found;
    });
    expect(letter).toMatchObject({ message_id: event.id, deliveries: 3 });
    expect(letter?.reasons[0]?.message).toBe('it failed 3 times; the last time with: always');
    await eventually(async () => expect(await pending(service)).toEqual(NOTHING));
    expect(deliveries).toEqual([1, 2, 3]);
  });

  it('is refused at once when its handler says that a person has to act', async () => {
    let runs = 0;
    await using service = await start(async () => {
      runs += 1;
      throw new HozenError('CONFIG_UNKNOWN', { config: 'nightly' });
    });
    await publishEvent(service.broker, backupRequested());
    await eventually(async () => {
      expect(await letters(service)).toMatchObject([
        { reasons: [{ message: 'There is no backup config named "nightly"' }], deliveries: 1 },
      ]);
    });
    expect(runs).toBe(1);
  });

  it('gets one answer when the handler rejects it in its own transaction', async () => {
    await using service = await start((event, _context, under) =>
      under.inbox.handle(event, (tx) => tx.reject(event, [{ field: 'config', message: 'is unknown' }])),
    );
    const event = backupRequested();
    await publishEvent(service.broker, event);
    await eventually(async () => {
      const subjects = (await service.messagesIn('BACKUP')).map(({ subject }) => subject);
      expect(subjects).toEqual(['backup.requested', 'backup.rejected']);
    });
    expect(await letters(service)).toMatchObject([{ message_id: event.id, reasons: [{ field: 'config' }] }]);
  });
});

describe('lanes come back', () => {
  async function worksAgain(service: ServiceUnderTest): Promise<void> {
    const event = backupRequested();
    await eventually(() => publishEvent(service.broker, event), { within: 20_000 });
    await eventually(async () => expect(await service.effectsOf(event)).toBe(1), { within: 20_000 });
    await eventually(() => expect(service.server.isReady).toBe(true));
  }
  const effect: Handler = (event, _context, under) => under.effect(event);

  it('after their consumer was deleted', async () => {
    await using service = await start(effect);
    await worksAgain(service);
    await service.broker.jsm.consumers.delete('BACKUP', 'backup-backup-requested');
    await worksAgain(service);
  });

  it('after their stream was deleted', async () => {
    await using service = await start(effect);
    await worksAgain(service);
    await service.broker.jsm.streams.delete('BACKUP');
    await worksAgain(service);
  });

  it('after the broker was killed and started again', async () => {
    await using service = await start(effect);
    await worksAgain(service);
    await nats.restart('SIGKILL');
    await worksAgain(service);
  });

  it('after the broker stood still for a while', async () => {
    await using service = await start(effect);
    nats.pause();
    await wait(1_500);
    nats.resume();
    await worksAgain(service);
  });
});

describe('stopping', () => {
  it('lets the handler in hand finish and takes nothing new', async () => {
    const handled: string[] = [];
    await using service = await start(
      async (event, _context, under) => {
        handled.push(event.id);
        await wait(500);
        await under.effect(event);
      },
      { server: { lanes: 1 } },
    );
    const [first, second] = [backupRequested(), backupRequested()];
    await publishEvent(service.broker, first);
    await publishEvent(service.broker, second);
    await eventually(() => expect(handled).toEqual([first.id]));
    await service.server.close();
    expect(await service.effectsOf(first)).toBe(1);
    expect(handled).toEqual([first.id]);
    expect(await pending(service)).toEqual({ num_pending: 1, num_ack_pending: 0 });
  });

  it('hands a message back at once when its handler does not finish in time', async () => {
    const stuck = await start(
      (_event, context) =>
        new Promise((_resolve, reject) => {
          context.signal.addEventListener('abort', () => reject(new Error('stopping')));
        }),
      { server: { drainMs: 100, ackWaitMs: 30_000 } },
    );
    const event = backupRequested();
    await publishEvent(stuck.broker, event);
    await eventually(async () => expect((await pending(stuck)).num_ack_pending).toBe(1));
    await using other = await start((received, _context, under) => under.effect(received));
    await stuck.stop();
    await eventually(async () => expect(await other.effectsOf(event)).toBe(1), { within: 5_000 });
  });
});

describe('wiring mistakes stop the boot', () => {
  const server = () =>
    new JetStreamServer({ broker: undefined as never, inbox: undefined as never, service: 'backup' });
  const handler = () => Promise.resolve();

  it('when two handlers want the same event', () => {
    const transport = server();
    transport.addHandler('backup.requested', handler, true);
    expect(() => transport.addHandler('backup.requested', handler, true)).toThrow(
      /two handlers for "backup.requested" in service backup; remove one @OnEvent/,
    );
  });

  it('when the event does not exist', () => {
    expect(() => server().addHandler('backup.reqested', handler, true)).toThrow(/no event is called "backup.reqested"/);
  });
});

it('answers a request whose envelope is wrong under the id that the envelope has', async () => {
  await using service = await start(() => Promise.resolve());
  const event = { ...newEvent('backup.requested', { config: 'a' }, { source: 'spec' }), type: 'backup.completed' };
  await service.broker.js.publish('backup.requested', JSON.stringify(event));
  await eventually(async () => {
    const message = await service.broker.jsm.streams.getMessage('BACKUP', { last_by_subj: 'backup.rejected' });
    expect(message?.json<Envelope>().data).toMatchObject({ requestId: event.id, reasons: [{ field: 'type' }] });
  });
});
