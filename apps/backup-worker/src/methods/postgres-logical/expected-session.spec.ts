import { randomUUID } from 'node:crypto';
import type { TargetSpec } from '@hozen/contracts';
import { addressOf, sessionName } from '@hozen/dbms';
import { eventually, TestPostgres } from '@hozen/testkit';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { connectExpected, expectSession, setLastDatabaseOf } from './expected-session.js';

let server: TestPostgres;
beforeAll(async () => {
  server = await TestPostgres.start();
});
afterAll(() => server[Symbol.asyncDispose]());

const DATABASE = 'postgres';
let target: TargetSpec;
beforeEach(async () => {
  process.env['EXPECTED_SESSION_PASSWORD'] = server.password;
  const { host, port, user } = server.address();
  const about = { kind: 'postgres', host, port, user, database: DATABASE, sslMode: 'disable' } as const;
  target = { name: 'sample', password: 'env:EXPECTED_SESSION_PASSWORD', ...about };
  setLastDatabaseOf(await addressOf(target), DATABASE);
});

/** Names of the sessions of ours, but for the one that asks. */
async function sessions(): Promise<{ pid: number; name: string }[]> {
  await using observer = await server.client();
  const { rows } = await observer.query<{ pid: number; name: string }>(
    `SELECT pid, application_name AS name FROM pg_stat_activity WHERE application_name LIKE 'hozen/%'`,
  );
  return rows;
}

/** @returns its process */
function waiting(): Promise<number> {
  return eventually(async () => {
    const [session] = await sessions();
    if (session?.name !== 'hozen/expected') throw new Error('no session waits');
    return session.pid;
  });
}

async function noSession(): Promise<void> {
  await eventually(async () => expect(await sessions()).toEqual([]));
}

describe('a session that a run is expected for', () => {
  it('is the session of the run, under its name', async () => {
    await expectSession(target);
    const pid = await waiting();
    const applicationName = sessionName(randomUUID(), 1);
    await using client = await connectExpected(await addressOf(target), { applicationName, database: DATABASE });
    expect(await sessions()).toEqual([{ pid, name: applicationName }]);
    await client.end();
    await noSession();
  });

  it('is one, however often it is expected', async () => {
    await Promise.all([expectSession(target), expectSession(target)]);
    await expectSession(target);
    await waiting();
    expect(await sessions()).toHaveLength(1);
    await noSession();
  });

  it('ends when no run comes', async () => {
    await expectSession(target);
    await waiting();
    await noSession();
  });

  it('is for nobody who would log in otherwise', async () => {
    await expectSession(target);
    await waiting();
    const address = { ...(await addressOf(target)), password: 'another' };
    const wanted = { applicationName: 'hozen/other', database: DATABASE };
    await expect(connectExpected(address, wanted)).rejects.toMatchObject({ code: 'TARGET_AUTH_FAILED' });
    await using elsewhere = await connectExpected(await addressOf(target), { ...wanted, database: 'template1' });
    expect((await elsewhere.query('SELECT current_database() AS name')).rows).toEqual([{ name: 'template1' }]);
    await elsewhere.end();
    await noSession();
  });

  it('is replaced when it was lost meanwhile', async () => {
    await expectSession(target);
    const pid = await waiting();
    await using other = await server.client();
    await other.query('SELECT pg_terminate_backend($1)', [pid]);
    await noSession();
    const wanted = { applicationName: 'hozen/run', database: DATABASE };
    await using client = await connectExpected(await addressOf(target), wanted);
    expect((await client.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }]);
  });

  it('is not begun where nobody knows what a dump begins with', async () => {
    setLastDatabaseOf(await addressOf(target), undefined);
    await expectSession(target);
    expect(await sessions()).toEqual([]);
  });

  it('says of what is wrong what the run itself would say', async () => {
    process.env['EXPECTED_SESSION_PASSWORD'] = 'wrong';
    await expectSession(target);
    const wanted = { applicationName: 'hozen/run', database: DATABASE };
    await expect(connectExpected(await addressOf(target), wanted)).rejects.toMatchObject({
      code: 'TARGET_AUTH_FAILED',
    });
  });
});
