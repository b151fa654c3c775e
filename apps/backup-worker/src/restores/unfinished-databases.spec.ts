import { connectMariadb, mariadbDatabases, PrivateMariadb, type MariadbClient } from '@hozen/dbms';
import { tempDir, type TempDir } from '@hozen/testkit';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { hasMysql, MYSQL, WITHOUT_MYSQL } from '../methods/mariadb-logical/mysql.fixture.js';
import { unfinishedDatabases, type UnfinishedDatabases } from './unfinished-databases.js';

const ROW = { id: '0f8b5a52-9f5c-4c0e-8a64-0f6c7d1f3a11', epoch: '3' };
const LIST = 'hozen_restore_0f8b5a529f5c4c0e8a640f6c7d1f3a11';

describe.skipIf(!hasMysql)(`the unfinished databases of a MySQL server (${WITHOUT_MYSQL})`, () => {
  let folder: TempDir;
  let server: PrivateMariadb;
  let client: MariadbClient;
  let unfinished: UnfinishedDatabases;

  beforeAll(async () => {
    folder = await tempDir();
    server = await PrivateMariadb.start({ kind: MYSQL, dataDir: folder.join('data') });
  }, 60_000);
  afterAll(async () => {
    await server?.[Symbol.asyncDispose]();
    await folder?.[Symbol.asyncDispose]();
  });
  beforeEach(async () => {
    client = await connectMariadb(server.address());
    unfinished = unfinishedDatabases(client, ROW);
  });
  afterEach(async () => {
    for (const name of await names()) await client.query(`DROP DATABASE ${client.name(name)}`);
    await client[Symbol.asyncDispose]();
  });

  async function names(): Promise<string[]> {
    return (await mariadbDatabases(client)).map(({ name }) => name);
  }

  async function counted(): Promise<number> {
    const [row] = await client.query<{ n: string }>(`SELECT (${unfinished.counted(client)}) AS n`);
    return Number(row?.n);
  }

  /** As when its worker died at this statement of the making of `shop`. */
  async function diedBefore(statement: 'create' | 'made'): Promise<void> {
    await unfinished.create(client, 'shop', '');
    await client.query(`UPDATE ${LIST}.unfinished SET made = FALSE`);
    if (statement === 'create') await client.query('DROP DATABASE shop');
  }

  it('are known from their making until they are opened, and nothing is left of the list', async () => {
    await unfinished.create(client, 'shop', 'CHARACTER SET latin1');
    await unfinished.create(client, 'Sh`op', '');
    expect(await unfinished.find(client)).toEqual(
      new Map([
        ['shop', 3],
        ['Sh`op', 3],
      ]),
    );
    expect(await counted()).toBe(2);
    await unfinished.open(client, 'shop', '');
    await unfinished.tidy(client);
    expect(await unfinished.find(client)).toEqual(new Map([['Sh`op', 3]]));
    await unfinished.open(client, 'Sh`op', '');
    await unfinished.tidy(client);
    expect(await names()).toEqual(['Sh`op', 'shop']);
  });

  it('are those of one restore alone', async () => {
    await unfinished.create(client, 'shop', '');
    const other = unfinishedDatabases(client, { ...ROW, id: '1f8b5a52-9f5c-4c0e-8a64-0f6c7d1f3a11' });
    expect(await other.find(client)).toEqual(new Map());
    await other.tidy(client);
    expect(await counted()).toBe(1);
  });

  it('are known where the worker died right after one was made', async () => {
    await diedBefore('made');
    expect(await unfinished.find(client)).toEqual(new Map([['shop', 3]]));
  });

  it('are not those that the worker did not come to, nor what somebody else has made under such a name', async () => {
    await diedBefore('create');
    expect(await unfinished.find(client)).toEqual(new Map());
    await client.query('CREATE DATABASE shop');
    await client.query('CREATE TABLE shop.theirs (n INT)');
    expect(await unfinished.find(client)).toEqual(new Map());
    await unfinished.tidy(client);
    expect(await names()).toEqual(['shop']);
  });

  it('are forgotten with the databases, however they went', async () => {
    await unfinished.create(client, 'shop', '');
    await client.query('DROP DATABASE shop');
    await unfinished.tidy(client);
    expect(await names()).toEqual([]);
  });
});
