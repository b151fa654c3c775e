import { TestPostgres } from '@hozen/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connect } from '../connection/connect.js';
import { inspectActivity, inspectCluster } from './inspect-cluster.js';

let server: TestPostgres;
beforeAll(async () => {
  server = await TestPostgres.start({ superuser: 'boss', initdbArgs: ['--data-checksums'] });
});
afterAll(() => server[Symbol.asyncDispose]());

describe('inspecting a cluster', () => {
  it('tells what the server is', async () => {
    await using client = await server.client();
    const facts = await inspectCluster(client);
    expect(facts).toMatchObject({
      major: Math.floor(facts.versionNum / 10_000),
      bootstrapSuperuser: 'boss',
      inRecovery: false,
      dataChecksums: true,
      isSuperuser: true,
      canReadEverything: true,
      settings: { block_size: '8192', wal_segment_size: '16777216', shared_preload_libraries: '' },
    });
    expect(facts.systemIdentifier).toMatch(/^\d{19}$/);
    expect(facts.tablespaces.map(({ name }) => name)).toEqual(['pg_default', 'pg_global']);
  });

  it('lists every database, also those that cannot be dumped', async () => {
    await using client = await server.client();
    await client.query(`CREATE DATABASE "it's ""odd"""`);
    await client.query(`CREATE DATABASE closed ALLOW_CONNECTIONS false CONNECTION LIMIT 3`);
    await client.query(`CREATE DATABASE broken`);
    // What an interrupted DROP DATABASE leaves.
    await client.query(`UPDATE pg_database SET datconnlimit = -2 WHERE datname = 'broken'`);
    const { databases, totals } = await inspectCluster(client);
    const byName = Object.fromEntries(databases.map((database) => [database.name, database]));
    expect(Object.keys(byName)).toEqual(
      expect.arrayContaining(['postgres', 'template0', 'template1', `it's "odd"`, 'closed', 'broken']),
    );
    expect(byName['closed']).toMatchObject({ allowConnections: false, connectionLimit: 3, isInvalid: false });
    expect(byName['broken']).toMatchObject({ isInvalid: true });
    expect(byName['template0']).toMatchObject({ allowConnections: false, isTemplate: true });
    expect(byName['postgres']).toMatchObject({ encoding: 'UTF8', collate: 'C.UTF-8', owner: 'boss' });
    expect(byName['postgres']?.bytes).toBeGreaterThan(1_000_000);
    expect(totals.databases).toBe(databases.length);
    await client.query(`DROP DATABASE broken`);
  });

  it('is truthful about what an ordinary role may read, and fails for none', async () => {
    await using boss = await server.client();
    await boss.query(`CREATE ROLE plain LOGIN PASSWORD 'pw'`);
    await boss.query(`REVOKE CONNECT ON DATABASE template1 FROM PUBLIC`);
    await using client = await connect(
      { ...server.address(), user: 'plain', password: 'pw' },
      { applicationName: 'x' },
    );
    const facts = await inspectCluster(client);
    expect(facts).toMatchObject({ isSuperuser: false, canReadEverything: false });
    expect(facts.databases.find(({ name }) => name === 'template1')?.bytes).toBeNull();
    await boss.query('GRANT pg_read_all_data TO plain');
    await boss.query('GRANT SELECT ON pg_authid TO plain');
    await boss.query('GRANT CONNECT ON DATABASE template1 TO plain');
    // Row security would leave rows out of what it reads.
    expect((await inspectCluster(client)).canReadEverything).toBe(false);
    await boss.query('ALTER ROLE plain BYPASSRLS');
    expect((await inspectCluster(client)).canReadEverything).toBe(true);
    await boss.query('REVOKE CONNECT ON DATABASE template1 FROM plain');
    expect((await inspectCluster(client)).canReadEverything).toBe(false);
  });

  it('does not fail where a setting is not shown to everybody', async () => {
    await using boss = await server.client();
    await boss.query(`CREATE ROLE curious LOGIN PASSWORD 'pw'`);
    const address = { ...server.address(), user: 'curious', password: 'pw' };
    await using client = await connect(address, { applicationName: 'x' });
    expect((await inspectCluster(client)).settings).not.toHaveProperty('shared_preload_libraries');
    await boss.query('GRANT pg_read_all_settings TO curious');
    expect((await inspectCluster(client)).settings).toHaveProperty('shared_preload_libraries');
  });

  it('tells which transactions have been open for long, and how archiving goes', async () => {
    await using client = await server.client();
    expect(await inspectActivity(client)).toMatchObject({
      archiving: { mode: 'off', lastFailedWal: null },
      longTransactions: [],
    });
  });

  it('maps the loss of the connection', async () => {
    await using client = await server.client();
    await client.end();
    await expect(inspectCluster(client)).rejects.toMatchObject({ code: 'TARGET_CONNECTION_LOST' });
  });
});
