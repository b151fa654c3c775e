import { TestPostgres } from '@hozen/testkit';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { connect } from './connect.js';
import { runSingle } from './single-statement.js';

let server: TestPostgres;
beforeAll(async () => {
  server = await TestPostgres.start();
});
afterAll(() => server[Symbol.asyncDispose]());

const connected = () => connect(server.address(), { applicationName: 'test' });

it('is refused where it is two statements, and neither of them is run', async () => {
  await using client = await connected();
  const two = Buffer.from('CREATE TABLE first (); CREATE TABLE second ()');
  await expect(runSingle(client, two)).rejects.toMatchObject({ code: '42601' });
  const { rows } = await client.query(`SELECT to_regclass('first') AS first, to_regclass('second') AS second`);
  expect(rows).toEqual([{ first: null, second: null }]);
});

it('reaches the server byte by byte, in the encoding of the session', async () => {
  await using client = await connected();
  await client.query('SET client_encoding = LATIN1');
  await runSingle(client, Buffer.from(`CREATE ROLE "J\xfcrgen"`, 'latin1'));
  await client.query('SET client_encoding = UTF8');
  const { rows } = await client.query(`SELECT rolname FROM pg_roles WHERE rolname = 'Jürgen'`);
  expect(rows).toHaveLength(1);
});

it('leaves the client to the next one, after a refusal too', async () => {
  await using client = await connected();
  await expect(runSingle(client, Buffer.from('nonsense'))).rejects.toMatchObject({ code: '42601' });
  await runSingle(client, Buffer.from('CREATE TABLE made ()'));
  expect((await client.query(`SELECT 1 AS one`)).rows).toEqual([{ one: 1 }]);
});

it('fails, and does not wait for ever, where it asks for rows', async () => {
  await using client = await connected();
  await client.query('CREATE TABLE filled (n int)');
  await expect(runSingle(client, Buffer.from('COPY filled FROM STDIN'))).rejects.toThrow();
});

it('fails where the connection is lost on the way', async () => {
  await using client = await connected();
  const waiting = runSingle(client, Buffer.from('SELECT pg_terminate_backend(pg_backend_pid())'));
  await expect(waiting).rejects.toThrow();
});
