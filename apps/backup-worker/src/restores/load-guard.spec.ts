import { connectMariadb, mariadbDatabases, PrivateMariadb, type MariadbClient } from '@hozen/dbms';
import { tempDir, type TempDir } from '@hozen/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { quietContext } from '../backup.fixture.js';
import { hasMariadb } from '../methods/mariadb-logical/mariadb.fixture.js';
import { hasMysql, MYSQL } from '../methods/mariadb-logical/mysql.fixture.js';
import { loadMariadb } from '../restore/load-mariadb.js';
import { loadGuard } from './load-guard.js';
import { unfinishedDatabases } from './unfinished-databases.js';

const ROW = { id: '0f8b5a52-9f5c-4c0e-8a64-0f6c7d1f3a11', epoch: '3' };
const BOTH = [
  { name: 'MariaDB', kind: { flavour: 'mariadb' }, has: hasMariadb },
  { name: 'MySQL', kind: MYSQL, has: hasMysql },
] as const;

for (const { name, kind, has } of BOTH) {
  describe.skipIf(!has)(`what a session of ${name} must pass before it loads (skipped without such a server)`, () => {
    let folder: TempDir;
    let server: PrivateMariadb;
    let client: MariadbClient;

    beforeAll(async () => {
      folder = await tempDir();
      server = await PrivateMariadb.start({ kind, dataDir: folder.join('data') });
      client = await connectMariadb(server.address());
      await unfinishedDatabases(client, ROW).create(client, 'shop', '');
    }, 60_000);
    afterAll(async () => {
      await client?.[Symbol.asyncDispose]();
      await server?.[Symbol.asyncDispose]();
      await folder?.[Symbol.asyncDispose]();
    });

    async function load(what: string, row = ROW): Promise<void> {
      const counted = unfinishedDatabases(client, row).counted(client);
      const guard = loadGuard(client, { lock: 'hozen/spec/load', counted, databases: 1 });
      const script = async function* () {
        yield await Promise.resolve(Buffer.from(`${guard}CREATE DATABASE ${what};\n`));
      };
      await loadMariadb(client.address, script(), quietContext().signal);
    }

    it('lets it load where the databases are those of its attempt', async () => {
      await load('loaded');
      expect((await mariadbDatabases(client)).map((each) => each.name)).toContain('loaded');
    });

    it('ends it before it changes anything where they are those of another attempt', async () => {
      await expect(load('too_late', { ...ROW, epoch: '2' })).rejects.toMatchObject({
        code: 'TOOL_FAILED',
        detail: expect.stringContaining('another worker goes on with this restore') as string,
      });
      expect((await mariadbDatabases(client)).map((each) => each.name)).not.toContain('too_late');
    });
  });
}
