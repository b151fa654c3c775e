import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { HozenError, newEvent, type EventOf } from '@hozen/contracts';
import { Inbox, OnEvent, Outbox, publishEvent } from '@hozen/messaging';
import { SHARED_TABLES } from '@hozen/persistence';
import { eventually, ServiceDatabases, tempDir, TestNats, TestPostgres } from '@hozen/testkit';
import { Body, Controller, Get, Module, Post } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { runFilePath } from './run-file.js';
import type { ServiceDefinition } from './service-definition.js';
import { startService } from './start-service.js';

@Controller('things')
class ThingsController {
  static readonly handled: string[] = [];

  constructor(
    private readonly inbox: Inbox,
    private readonly outbox: Outbox,
    private readonly dataSource: DataSource,
  ) {}

  @OnEvent('backup.requested')
  async onRequest(event: EventOf<'backup.requested'>): Promise<void> {
    await this.inbox.handle(event, async (tx) => {
      await tx.manager.query('select 1');
      ThingsController.handled.push(event.id);
    });
  }

  @Get('missing')
  missing(): never {
    throw new HozenError('NOT_FOUND', { what: 'thing', id: 'x', list: 'things' });
  }

  @Get('broken')
  broken(): never {
    throw new Error('password=hunter2');
  }

  @Post()
  async post(@Body() body: object): Promise<object> {
    await this.outbox.transaction((tx) => tx.manager.query('select 1'));
    return { body, connected: this.dataSource.isInitialized };
  }
}

@Module({ controllers: [ThingsController] })
class ThingsModule {}

let postgres: TestPostgres;
let nats: TestNats;
let databases: ServiceDatabases;

beforeAll(async () => {
  [postgres, nats] = await Promise.all([TestPostgres.start(), TestNats.start()]);
});
beforeEach(async () => {
  databases = await ServiceDatabases.provision(postgres);
});
afterAll(async () => {
  await postgres[Symbol.asyncDispose]();
  await nats[Symbol.asyncDispose]();
});

function definition(env: NodeJS.ProcessEnv = {}): ServiceDefinition {
  return {
    service: 'backup',
    name: 'backup-worker',
    module: ThingsModule,
    entities: [],
    migrations: [...SHARED_TABLES],
    ownsProcess: false,
    env: { HOZEN_DATABASE_URL: databases.urls.backup, HOZEN_NATS_URL: nats.url, ...env },
  };
}

const bodyOf = async (response: Promise<Response>): Promise<{ status: number; body: unknown }> => {
  const answer = await response;
  return { status: answer.status, body: await answer.json() };
};

it('answers health, metrics and OpenAPI, and handles events with what it injects', async () => {
  await using service = await startService(definition());
  expect(await bodyOf(fetch(`${service.url}/health/live`))).toMatchObject({ status: 200, body: { status: 'live' } });
  await eventually(async () => {
    expect(await bodyOf(fetch(`${service.url}/health/ready`))).toEqual({
      status: 200,
      body: { status: 'ready', database: 'up', broker: 'up', lanes: 'up' },
    });
  });
  expect((await fetch(`${service.url}/metrics`)).status).toBe(200);
  const openapi = await bodyOf(fetch(`${service.url}/openapi.json`));
  expect(Object.keys((openapi.body as { paths: object }).paths)).toEqual([
    '/things/missing',
    '/things/broken',
    '/things',
  ]);
  const event = newEvent('backup.requested', { config: 'nightly' }, { source: 'spec' });
  await publishEvent(service.broker, event);
  await eventually(() => expect(ThingsController.handled).toContain(event.id));
});

it('is not ready while its database is away, and ready again afterwards', async () => {
  await using own = await TestPostgres.start();
  const { urls } = await ServiceDatabases.provision(own);
  await using service = await startService(definition({ HOZEN_DATABASE_URL: urls.backup }));
  await own.stop('immediate');
  expect(await bodyOf(fetch(`${service.url}/health/ready`))).toMatchObject({ status: 503, body: { database: 'down' } });
  expect((await fetch(`${service.url}/health/live`)).status).toBe(200);
  await own.restart();
  await eventually(async () => expect((await fetch(`${service.url}/health/ready`)).status).toBe(200));
});

it('answers errors with their code, message and hint, and tells nothing of the unexpected ones', async () => {
  await using service = await startService(definition());
  const missing = await bodyOf(fetch(`${service.url}/things/missing`));
  expect(missing.status).toBe(404);
  expect(missing.body).toMatchObject({ error: { code: 'NOT_FOUND', message: 'There is no thing "x"' } });
  const broken = await fetch(`${service.url}/things/broken`);
  expect(broken.status).toBe(500);
  expect(await broken.text()).not.toContain('hunter2');
  const nowhere = await bodyOf(fetch(`${service.url}/nowhere`));
  expect(nowhere).toMatchObject({ status: 404, body: { error: { code: 'REQUEST_INVALID' } } });
  const nul = await bodyOf(fetch(`${service.url}/things/%00`));
  expect(nul).toMatchObject({ status: 400, body: { error: { code: 'REQUEST_INVALID' } } });
  const post = (body: string) =>
    fetch(`${service.url}/things`, { method: 'POST', headers: { 'content-type': 'application/json' }, body });
  expect(await bodyOf(post('{"a":1}'))).toMatchObject({ status: 201, body: { body: { a: 1 }, connected: true } });
  expect(await bodyOf(post('{'))).toMatchObject({ status: 400, body: { error: { code: 'REQUEST_INVALID' } } });
  const large = await bodyOf(post(JSON.stringify({ a: 'x'.repeat(1_100_000) })));
  expect(large).toMatchObject({ status: 413, body: { error: { code: 'REQUEST_INVALID' } } });
});

it('says where it is while it runs', async () => {
  await using home = await tempDir();
  const service = await startService(definition({ HOZEN_HOME: home.path }));
  const file = runFilePath(home.path, 'backup-worker');
  expect(JSON.parse(await readFile(file, 'utf8'))).toEqual({
    pid: process.pid,
    url: service.url,
    startedAt: expect.any(String) as string,
  });
  await service.stop();
  await expect(readFile(file)).rejects.toThrow('ENOENT');
  await expect(fetch(`${service.url}/health/live`)).rejects.toThrow();
});

it('names every wrong setting at once, without any value', async () => {
  const env = {
    HOZEN_DATABASE_URL: 'mysql://x:hunter2@y',
    HOZEN_DATABASE_PASSWORD: 'hunter2',
    HOZEN_NATS_URL: '',
    PORT: 'hunter2',
    HOZEN_LOG_LEVEL: 'hunter2',
  };
  const readSettings: ServiceDefinition['readSettings'] = (read) => {
    read.text('SMTP_HOST');
  };
  const failure = (await startService({ ...definition(env), readSettings }).catch((error: unknown) => error)) as Error;
  expect(failure).toMatchObject({ code: 'SETTINGS_INVALID' });
  for (const name of [...Object.keys(env), 'SMTP_HOST']) expect(failure.message).toContain(name);
  expect(failure.message).not.toContain('hunter2');
});

it('refuses a wrong database password at once, and a port that is taken, leaving nothing open', async () => {
  const wrong = new URL(databases.urls.backup);
  wrong.password = 'wrong';
  await expect(startService(definition({ HOZEN_DATABASE_URL: wrong.href }))).rejects.toMatchObject({
    code: 'SETTINGS_INVALID',
  });
  const other = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => {
    other.once('listening', resolve);
  });
  const { port } = other.address() as { port: number };
  await expect(startService(definition({ PORT: String(port) }))).rejects.toMatchObject({ code: 'PORT_TAKEN' });
  other.close();
  await using client = await postgres.client(databases.database);
  await eventually(async () => {
    const { rows } = await client.query(
      `select 1 from pg_stat_activity where datname = $1 and application_name like 'hozen/%'`,
      [databases.database],
    );
    expect(rows).toEqual([]);
  });
});
