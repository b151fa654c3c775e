import { TestPostgres } from '@hozen/testkit';
import { expect, it } from 'vitest';
import { connect } from '../connection/connect.js';
import { sessionName } from './session-name.js';
import { terminateOlderSessions } from './terminate-older-sessions.js';

it("ends the sessions of a run's earlier owners and nobody else's", async () => {
  await using server = await TestPostgres.start();
  const names = [
    'hozen/run%/9',
    'hozen/run%/10',
    'hozen/run%/11',
    'hozen/run%/12',
    'hozen/run%/x',
    'hozen/runX/1',
    'psql',
  ];
  const clients = await Promise.all(names.map((name) => connect(server.address(), { applicationName: name })));
  await using owner = await connect(server.address(), { applicationName: sessionName('run%', 11) });
  const busy = clients[0]?.query('SELECT pg_sleep(600)').catch((error: unknown) => error);
  expect(await terminateOlderSessions(owner, 'hozen/run%', 11)).toBe(2);
  expect(await busy).toBeInstanceOf(Error);
  const { rows } = await owner.query<{ name: string }>(
    `SELECT application_name AS name FROM pg_stat_activity
     WHERE backend_type = 'client backend' AND pid <> pg_backend_pid() ORDER BY 1`,
  );
  expect(rows.map(({ name }) => name).toSorted()).toEqual(names.slice(2).toSorted());
  expect(await terminateOlderSessions(owner, 'hozen/run%/', 11n)).toBe(0);
  await Promise.all(clients.map((client) => client.end().catch(() => undefined)));
});

it('does not let a name be cut, since the epoch stands at its end', () => {
  expect(sessionName('0b5f7c1e-8a52-4a55-9a51-3f0e6d0f4c11', 123456)).toHaveLength(49);
  expect(() => sessionName('r'.repeat(60), 1)).toThrow(RangeError);
});
