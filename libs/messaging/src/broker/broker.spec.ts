import { newEvent, STREAMS } from '@hozen/contracts';
import { eventually, freePort, processesMatching, tempDir, TestNats } from '@hozen/testkit';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { expect, it } from 'vitest';
import { startNatsServer } from '../nats-server/nats-server.js';
import { publishEvent } from '../outbox/publish-event.js';
import { connectBroker } from './broker.js';
import { ensureConsumer } from './consumers.js';
import { ensureStreams } from './streams.js';

const request = () => newEvent('backup.requested', { config: 'nightly' }, { source: 'spec' });

it('waits for a broker that is not there yet', async () => {
  await using folder = await tempDir();
  const port = await freePort();
  const connecting = connectBroker({ url: `nats://127.0.0.1:${port}`, name: 'spec' });
  await using server = await startNatsServer({ storeDir: folder.path, port });
  await using broker = await connecting;
  expect(broker.isConnected).toBe(true);
  expect(server.port).toBe(port);
});

it('gives up on a broker that does not come, when told how long to wait', async () => {
  const url = `nats://user:hunter2@127.0.0.1:${await freePort()}`;
  const failure: unknown = await connectBroker({ url, name: 'spec', waitMs: 300 }).catch((error: unknown) => error);
  expect(failure).toMatchObject({ code: 'SERVICE_UNREACHABLE' });
  expect(String(failure)).not.toContain('hunter2');
});

it('refuses a broker without JetStream, and one that refuses the login', async () => {
  await using folder = await tempDir();
  const [plain, closed] = [await freePort(), await freePort()];
  const config = folder.join('closed.conf');
  await writeFile(config, `port: ${closed}\nhost: 127.0.0.1\nauthorization { user: anna, password: hunter2 }\n`);
  const servers = [
    spawn('/usr/sbin/nats-server', ['-a', '127.0.0.1', '-p', String(plain)], { stdio: 'ignore' }),
    spawn('/usr/sbin/nats-server', ['-c', config], { stdio: 'ignore' }),
  ];
  try {
    await expect(connectBroker({ url: `nats://127.0.0.1:${plain}`, name: 'spec' })).rejects.toMatchObject({
      code: 'BROKER_UNSUITABLE',
    });
    await expect(connectBroker({ url: `nats://127.0.0.1:${closed}`, name: 'spec' })).rejects.toMatchObject({
      code: 'SETTINGS_INVALID',
    });
    const right = `nats://anna:hunter2@127.0.0.1:${closed}`;
    await expect(connectBroker({ url: right, name: 'spec' })).rejects.toMatchObject({ code: 'BROKER_UNSUITABLE' });
  } finally {
    for (const server of servers) {
      const exited = once(server, 'exit');
      server.kill('SIGKILL');
      await exited;
    }
  }
});

it('makes the streams of the contracts, changes those that differ, and leaves the rest alone', async () => {
  await using nats = await TestNats.start();
  await using broker = await connectBroker({ url: nats.url, name: 'spec' });
  await broker.jsm.streams.add({ name: 'BACKUP', subjects: ['backup.>'], max_msgs: 5 });
  await Promise.all([ensureStreams(broker), ensureStreams(broker)]);
  for (const { name, subjects } of STREAMS) {
    const { config } = await broker.jsm.streams.info(name);
    expect(config).toMatchObject({ subjects, max_msgs: -1, storage: 'file', retention: 'limits' });
  }
});

it('replaces a consumer that is ahead of its stream', async () => {
  await using nats = await TestNats.start();
  await using broker = await connectBroker({ url: nats.url, name: 'spec' });
  const definition = { service: 'backup', subject: 'backup.requested', ackWaitMs: 1_000 };
  await ensureStreams(broker);
  await ensureConsumer(broker, definition);
  for (let index = 0; index < 3; index++) await publishEvent(broker, request());
  const consumer = await broker.js.consumers.get('BACKUP', 'backup-backup-requested');
  for (let index = 0; index < 3; index++) (await consumer.next())?.ack();
  await eventually(async () => expect((await consumer.info()).ack_floor.stream_seq).toBe(3));
  // A store whose messages are older than the positions in it, as after a power cut.
  await nats.stop();
  const messages = `${nats.storeDir}/jetstream/$G/streams/BACKUP/msgs`;
  await rm(messages, { recursive: true });
  await mkdir(messages);
  await nats.restart();
  await broker.connected();
  await eventually(async () => expect((await broker.jsm.streams.info('BACKUP')).state.last_seq).toBeLessThan(3));
  await ensureConsumer(broker, definition);
  await publishEvent(broker, request());
  expect(await (await broker.js.consumers.get('BACKUP', 'backup-backup-requested')).next()).not.toBeNull();
});

it('publishes an event once, however often it is told to, also when the stream is missing', async () => {
  await using nats = await TestNats.start();
  await using broker = await connectBroker({ url: nats.url, name: 'spec' });
  const event = request();
  expect(await publishEvent(broker, event)).toMatchObject({ stream: 'BACKUP', seq: 1, duplicate: false });
  expect(await publishEvent(broker, event)).toMatchObject({ seq: 1, duplicate: true });
});

it('starts a private server that keeps its store and leaves no process', async () => {
  await using folder = await tempDir();
  {
    await using server = await startNatsServer({ storeDir: folder.path });
    await using broker = await connectBroker({ url: server.url, name: 'spec' });
    await publishEvent(broker, request());
    await server.stop('SIGKILL');
  }
  await using again = await startNatsServer({ storeDir: folder.path });
  await using broker = await connectBroker({ url: again.url, name: 'spec' });
  expect((await broker.jsm.streams.info('BACKUP')).state.messages).toBe(1);
  await again.stop();
  expect(await processesMatching(folder.path)).toEqual([]);
});

it('says which port is taken', async () => {
  await using folder = await tempDir();
  const other = createServer().listen(0, '127.0.0.1');
  await once(other, 'listening');
  const { port } = other.address() as { port: number };
  await expect(startNatsServer({ storeDir: folder.path, port })).rejects.toMatchObject({
    code: 'PORT_TAKEN',
    params: { port },
  });
  other.close();
});
