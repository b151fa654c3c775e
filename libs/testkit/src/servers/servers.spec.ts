import { stat } from 'node:fs/promises';
import { parseDatabaseUrl, roleOf, SERVICE_NAMES } from '@hozen/persistence';
import { connect as connectNats } from '@nats-io/transport-node';
import { jetstreamManager } from '@nats-io/jetstream';
import { Client } from 'pg';
import { describe, expect, it } from 'vitest';
import { eventually } from '../eventually.js';
import { processesMatching } from '../processes.js';
import { ServiceDatabases } from './service-databases.js';
import { TestNats } from './test-nats.js';
import { TestPostgres } from './test-postgres.js';

describe('TestPostgres', () => {
  it('can be reached by URL, keeps what was committed through a crash, and leaves nothing', async () => {
    let folder: string;
    {
      await using postgres = await TestPostgres.start();
      folder = postgres.dataDir;
      const database = await postgres.createDatabase();
      const client = new Client(postgres.url(database));
      client.on('error', () => undefined);
      await client.connect();
      await client.query('CREATE TABLE t AS SELECT 42 AS n');
      await postgres.restart('immediate');
      await using again = await postgres.client(database);
      expect((await again.query('SELECT n FROM t')).rows).toEqual([{ n: 42 }]);
      expect(await postgres.log()).toContain('database system was not properly shut down');
      expect(await processesMatching(folder)).not.toEqual([]);
    }
    expect(await processesMatching(folder)).toEqual([]);
    await expect(stat(folder)).rejects.toThrow('ENOENT');
  });

  it('holds several sets of service databases, each service in its own schema', async () => {
    await using postgres = await TestPostgres.start();
    const [first, second] = [await ServiceDatabases.provision(postgres), await ServiceDatabases.provision(postgres)];
    expect(first.database).not.toBe(second.database);
    for (const { urls } of [first, second]) {
      for (const service of SERVICE_NAMES) {
        expect(parseDatabaseUrl(urls[service]).password).toBe(postgres.password);
        const client = new Client(urls[service]);
        await client.connect();
        const { rows } = await client.query<{ who: string }>('SELECT current_user AS who');
        await client.query(`CREATE TABLE ${service}.mine ()`);
        await client.end();
        expect(rows[0]?.who).toBe(roleOf(service));
      }
    }
  });
});

describe('TestNats', () => {
  it('keeps its store through a crash and loses it when told', async () => {
    let folder: string;
    {
      await using nats = await TestNats.start();
      folder = nats.storeDir;
      expect(await streamsOf(nats)).toBe(0);
      await withManager(nats, (manager) => manager.streams.add({ name: 'kept', subjects: ['x'] }));
      await nats.restart('SIGKILL');
      expect(await streamsOf(nats)).toBe(1);
      await nats.loseEverything();
      expect(await streamsOf(nats)).toBe(0);
      expect(await nats.log()).toContain('Server is ready');
    }
    expect(await processesMatching(folder)).toEqual([]);
    await expect(stat(folder)).rejects.toThrow('ENOENT');
  });

  it('answers nothing while it is paused', async () => {
    await using nats = await TestNats.start();
    nats.pause();
    await expect(connectNats({ servers: nats.url, timeout: 100, reconnect: false })).rejects.toThrow();
    nats.resume();
    await eventually(() => streamsOf(nats));
  });
});

type Manager = Awaited<ReturnType<typeof jetstreamManager>>;

async function withManager<T>(nats: TestNats, work: (manager: Manager) => Promise<T>): Promise<T> {
  const connection = await connectNats({ servers: nats.url });
  try {
    return await work(await jetstreamManager(connection));
  } finally {
    await connection.close();
  }
}

function streamsOf(nats: TestNats): Promise<number> {
  return withManager(nats, async (manager) => (await manager.getAccountInfo()).streams);
}
