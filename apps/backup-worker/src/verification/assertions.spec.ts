import type { AssertionSpec } from '@hozen/contracts';
import { connectMariadb, PrivateMariadb } from '@hozen/dbms';
import { tempDir, TestPostgres, type TempDir } from '@hozen/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { backUp, jobFor, quietContext } from '../backup.fixture.js';
import { hasMariadb } from '../methods/mariadb-logical/mariadb.fixture.js';
import { methodOf } from '../methods/methods.js';
import { askMariadb, askPostgres, failedAssertions } from './assertions.js';

const assertion = (name: string, sql: string, database = 'shop'): AssertionSpec => ({ name, database, sql });

const SAME = [
  assertion('is true', 'SELECT count(*) = 3 FROM orders'),
  assertion('is one', 'SELECT 1'),
  assertion('is not true', 'SELECT count(*) > 3 FROM orders'),
  assertion('is null', 'SELECT NULL'),
  assertion('has two columns', 'SELECT 1, 2'),
  assertion('has no row', 'SELECT 1 FROM orders WHERE 1 = 0'),
  assertion('writes', 'DELETE FROM orders'),
  assertion('is two', 'SELECT 1; SELECT 1'),
  assertion('is nonsense', 'SELEKT 1'),
  assertion('is elsewhere', 'SELECT 1', 'nowhere'),
];

function namesOf(failed: string[]): string[] {
  return failed.map((each) => each.split(':')[0] ?? '');
}

const FAILING = [
  'is not true',
  'is null',
  'has two columns',
  'has no row',
  'writes',
  'is two',
  'is nonsense',
  'is elsewhere',
];

describe('what must be true of the data', () => {
  let server: TestPostgres;
  let folder: TempDir;

  beforeAll(async () => {
    [server, folder] = await Promise.all([TestPostgres.start(), tempDir()]);
    await server.createDatabase('shop');
    await using shop = await server.client('shop');
    await shop.query('CREATE TABLE orders AS SELECT generate_series(1, 3) AS id');
  }, 60_000);
  afterAll(async () => {
    await server?.[Symbol.asyncDispose]();
    await folder?.[Symbol.asyncDispose]();
  });

  it('is asked of a PostgreSQL server by somebody who may only read', async () => {
    const ask = askPostgres((database) => ({ ...server.address(), database }), 'spec');
    const program = assertion('runs a program', `COPY (SELECT 1) TO PROGRAM 'cat'`);
    const failed = await failedAssertions([...SAME, program], ask);
    expect(namesOf(failed)).toEqual([...FAILING, 'runs a program']);
    expect(failed).toContain('is not true: it gave false');
    await using shop = await server.client('shop');
    expect((await shop.query('SELECT FROM orders')).rowCount).toBe(3);
  });

  it.each(['postgres-logical', 'postgres-physical'] as const)(
    'is asked of the restored copy of a backup of the method %s',
    async (method) => {
      const job = jobFor(server.address(), folder.path, { startedAt: new Date(Date.UTC(2026, 0, 2, method.length)) });
      const assertions = [
        assertion('has orders', 'SELECT count(*) = 3 FROM orders'),
        assertion('has more', 'SELECT 0'),
      ];
      Object.assign(job.config, { method, assertions });
      const artefact = await backUp(job);
      expect(await methodOf(method).prove(job, artefact, quietContext())).toMatchObject({
        level: 'restore',
        failedAssertions: ['has more: it gave 0'],
      });
    },
    60_000,
  );

  it.skipIf(!hasMariadb)('is asked of a MariaDB server in a transaction that may only read', async () => {
    await using other = await PrivateMariadb.start({ dataDir: folder.join('mariadb') });
    await using client = await connectMariadb(other.address());
    for (const sql of [
      'CREATE DATABASE shop',
      'CREATE TABLE shop.orders (id INT)',
      'INSERT INTO shop.orders VALUES (1), (2), (3)',
    ]) {
      await client.query(sql);
    }
    expect(namesOf(await failedAssertions(SAME, askMariadb(other.address())))).toEqual(FAILING);
    expect(await client.query('SELECT * FROM shop.orders')).toHaveLength(3);
  });
});
