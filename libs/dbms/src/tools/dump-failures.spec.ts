import { readFile } from 'node:fs/promises';
import { freePort, TestPostgres } from '@hozen/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connect } from '../connection/connect.js';
import { inspectCluster } from '../inspection/inspect-cluster.js';
import type { PostgresAddress } from '../address.js';
import { sessionName } from '../sessions/session-name.js';
import { terminateOlderSessions } from '../sessions/terminate-older-sessions.js';
import { findTools } from './find-tools.js';
import { runTool } from './run-tool.js';
import { toolEnvironment } from './tool-environment.js';
import { toolOutput } from './tool-output.js';

let server: TestPostgres;
let pgDump: string;
beforeAll(async () => {
  server = await TestPostgres.start();
  await using client = await server.client();
  await client.query(`CREATE TABLE big AS SELECT repeat(md5(i::text), 30) AS text FROM generate_series(1, 60000) i`);
  pgDump = (await findTools((await inspectCluster(client)).versionNum)).path('pg_dump');
});
afterAll(() => server[Symbol.asyncDispose]());

async function dump(change: Partial<PostgresAddress> = {}, args: string[] = []): Promise<Buffer> {
  await using env = await toolEnvironment({ ...server.address(), ...change });
  return await toolOutput({ path: pgDump, args: ['-Fc', '-Z0', ...args], env });
}

describe('a dump', () => {
  it.each([
    ['a wrong password', 'TARGET_AUTH_FAILED', () => ({ password: 'wrong' })],
    ['no password', 'TARGET_AUTH_FAILED', () => ({ password: '' })],
    ['an unknown user', 'TARGET_AUTH_FAILED', () => ({ user: 'nobody' })],
    ['nobody listening', 'TARGET_UNREACHABLE', async () => ({ port: await freePort() })],
    ['an unknown host', 'TARGET_UNREACHABLE', () => ({ host: 'host.invalid' })],
    ['a server without TLS where it is required', 'TARGET_AUTH_FAILED', () => ({ sslMode: 'require' as const })],
  ])('tells of %s by %s', async (_, code, change) => {
    await expect(dump(await change())).rejects.toMatchObject({ code });
  });

  it('tells of a table that it may not read', async () => {
    await using client = await server.client();
    await client.query(`CREATE ROLE reader LOGIN PASSWORD 'pw'`);
    await expect(dump({ user: 'reader', password: 'pw' })).rejects.toMatchObject({
      code: 'TARGET_RIGHTS_MISSING',
      params: { user: 'reader' },
    });
  });

  it('logs in with any user name and password', async () => {
    await using client = await server.client();
    const [user, password] = [`we:ird \\ 'us"er`, `p:a\\s s:'"wörd`];
    await client.query(
      `CREATE ROLE ${client.escapeIdentifier(user)} SUPERUSER LOGIN PASSWORD ${client.escapeLiteral(password)}`,
    );
    expect((await dump({ user, password })).length).toBeGreaterThan(0);
  });

  it('tells of a lock that it does not get', async () => {
    await using holder = await server.client();
    await holder.query('BEGIN; LOCK TABLE big IN ACCESS EXCLUSIVE MODE');
    await expect(dump({}, ['--lock-wait-timeout=100'])).rejects.toMatchObject({ code: 'TARGET_LOCKED' });
    await holder.query('ROLLBACK');
  });

  it('that is cut off in the middle does not succeed, whether the server crashed or the session was ended', async () => {
    for (const cut of [endSession, () => server.restart('immediate')]) {
      await using env = await toolEnvironment(server.address(), { applicationName: sessionName('r', 1) });
      const tool = runTool({ path: pgDump, args: ['-Fc', '-Z0'], env });
      let bytes = 0;
      for await (const chunk of tool.stdout as AsyncIterable<Buffer>) {
        if (bytes === 0) await cut();
        bytes += chunk.length;
      }
      expect(bytes).toBeLessThan(40_000_000);
      await expect(tool.done).rejects.toMatchObject({ code: 'TARGET_CONNECTION_LOST' });
    }
  });

  it('waits, and takes no memory, while its output is not read', async () => {
    await using env = await toolEnvironment(server.address());
    const tool = runTool({ path: pgDump, args: ['-Fc', '-Z0'], env });
    await new Promise((resolve) => tool.stdout.once('readable', resolve));
    expect(tool.stdout.readableLength).toBeLessThan(1024 * 1024);
    let bytes = 0;
    for await (const chunk of tool.stdout as AsyncIterable<Buffer>) bytes += chunk.length;
    await tool.done;
    expect(bytes).toBeGreaterThan(50_000_000);
  });

  it('has its password neither in its arguments nor in its environment', async () => {
    await using env = await toolEnvironment(server.address());
    const tool = runTool({ path: pgDump, args: ['-Fc', '-Z0'], env });
    await new Promise((resolve) => tool.stdout.once('readable', resolve));
    const seen = await Promise.all(['cmdline', 'environ'].map((file) => readFile(`/proc/${tool.pid}/${file}`, 'utf8')));
    expect(seen[0]).toContain('pg_dump');
    expect(seen.join('')).not.toContain(server.password);
    tool.stdout.destroy();
    await tool.done.catch(() => undefined);
  });
});

async function endSession(): Promise<void> {
  await using owner = await connect(server.address(), { applicationName: sessionName('r', 2) });
  expect(await terminateOlderSessions(owner, 'hozen/r', 2)).toBe(1);
}
