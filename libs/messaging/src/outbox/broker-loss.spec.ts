import { cp, rm } from 'node:fs/promises';
import { eventually, ServiceDatabases, tempDir, TestNats, TestPostgres } from '@hozen/testkit';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
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
afterAll(() => postgres[Symbol.asyncDispose]());

/** Publishes, and handles what it publishes: every event has one effect. */
function start(more: Partial<UnderTestSettings> = {}): Promise<ServiceUnderTest> {
  return ServiceUnderTest.start({
    natsUrl: nats.url,
    databaseUrl: databases.urls.backup,
    handler: (event, _context, under) => under.effect(event),
    outbox: { checkMs: 300 },
    server: { checkMs: 300 },
    ...more,
  });
}

async function publish(service: ServiceUnderTest, count: number): Promise<{ id: string }[]> {
  const events = Array.from({ length: count }, (_, index) => backupRequested(`config ${index}`));
  for (const event of events) await service.outbox.transaction((tx) => tx.publish(event));
  return events;
}

const idsIn = async (service: ServiceUnderTest) => (await service.messagesIn('BACKUP')).map(({ id }) => id);

async function everyEffectOnce(service: ServiceUnderTest, events: { id: string }[]): Promise<void> {
  await eventually(
    async () => {
      const rows = (await service.dataSource.query('select event_id, count(*)::int as n from effects group by 1')) as {
        event_id: string;
        n: number;
      }[];
      expect(rows.toSorted(byId)).toEqual(events.map(({ id }) => ({ event_id: id, n: 1 })).toSorted(byId));
    },
    { within: 20_000 },
  );
}
const byId = (a: { event_id: string }, b: { event_id: string }) => a.event_id.localeCompare(b.event_id);

it('publishes again, in order, when the whole store of the broker is gone; effects stay single', async () => {
  await using service = await start();
  const before = await publish(service, 10);
  await everyEffectOnce(service, before);
  await nats.loseEverything();
  const after = await publish(service, 5);
  await everyEffectOnce(service, [...before, ...after]);
  await eventually(async () => {
    expect((await idsIn(service)).filter((id) => before.some((event) => event.id === id))).toEqual(
      before.map(({ id }) => id),
    );
    expect(await idsIn(service)).toEqual(expect.arrayContaining(after.map(({ id }) => id)));
  });
});

it('survives that the store is removed under the running broker', async () => {
  await using service = await start();
  const before = await publish(service, 10);
  await everyEffectOnce(service, before);
  await rm(nats.storeDir, { recursive: true, force: true });
  const during = await publish(service, 5);
  await nats.restart('SIGKILL');
  const after = await publish(service, 5);
  await everyEffectOnce(service, [...before, ...during, ...after]);
  const all = [...before, ...during, ...after].map(({ id }) => id).toSorted();
  await eventually(async () => expect((await idsIn(service)).toSorted()).toEqual(all), { within: 20_000 });
});

it('publishes again what an emptied stream has lost, although the broker remembers the ids', async () => {
  await using service = await start();
  const before = await publish(service, 10);
  await everyEffectOnce(service, before);
  await eventually(async () => {
    expect(await service.dataSource.query('select count(*)::int as n from outbox where sent_at is null')).toEqual([
      { n: 0 },
    ]);
  });
  await service.broker.jsm.streams.purge('BACKUP');
  await eventually(async () => expect(await idsIn(service)).toEqual(before.map(({ id }) => id)), { within: 20_000 });
  await everyEffectOnce(service, before);
});

it('publishes again when an old copy of the store was put back, also after others have filled it up', async () => {
  await using folder = await tempDir();
  await using service = await start();
  const old = await publish(service, 5);
  await everyEffectOnce(service, old);
  await nats.stop();
  await cp(nats.storeDir, folder.join('copy'), { recursive: true });
  await nats.restart();
  const lost = await publish(service, 10);
  await everyEffectOnce(service, [...old, ...lost]);
  await nats.stop();
  await rm(nats.storeDir, { recursive: true });
  await cp(folder.join('copy'), nats.storeDir, { recursive: true });
  await nats.restart();
  await using other = await ServiceUnderTest.start({
    natsUrl: nats.url,
    databaseUrl: databases.urls.notifier,
    service: 'notifier',
  });
  const foreign = await publish(other, 30);
  await eventually(async () => expect(await idsIn(other)).toEqual(expect.arrayContaining(lost.map(({ id }) => id))), {
    within: 20_000,
  });
  await everyEffectOnce(service, [...old, ...lost, ...foreign]);
});

it('publishes nothing again while nothing is lost', async () => {
  await using service = await start();
  const events = await publish(service, 5);
  await everyEffectOnce(service, events);
  await nats.restart('SIGKILL');
  const more = await publish(service, 5);
  await everyEffectOnce(service, [...events, ...more]);
  await eventually(async () => {
    const [row] = (await service.dataSource.query(
      'select count(*)::int as n, max(republished) as republished, max(checked_at) > max(sent_at) as checked from outbox, broker_positions',
    )) as { republished: number; checked: boolean }[];
    expect(row).toMatchObject({ republished: 0, checked: true });
  });
});
