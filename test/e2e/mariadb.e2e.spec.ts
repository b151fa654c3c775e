import { readFile } from 'node:fs/promises';
import type { RestorePlanView } from '@hozen/contracts';
import { connectMariadb, findMariadbTool, PrivateMariadb } from '@hozen/dbms';
import { tempDir, type TempDir } from '@hozen/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Stack } from '../src/stack.js';

const isThere = await findMariadbTool('server').then(
  () => true,
  () => false,
);
const PASSWORD = 'only for "tests"';

describe.skipIf(!isThere)(
  'a MariaDB server (skipped where there is no mariadbd: install mariadb-server)',
  { timeout: 180_000 },
  () => {
    let folder: TempDir;
    let server: PrivateMariadb;
    let stack: Stack;

    beforeAll(async () => {
      folder = await tempDir();
      server = await PrivateMariadb.start({
        dataDir: folder.join('data'),
        listen: 'tcp',
        settings: { 'log-bin': 'bin', 'server-id': 1 },
      });
      await using client = await connectMariadb(server.address());
      for (const statement of [
        `CREATE USER backup@'127.0.0.1' IDENTIFIED BY '${PASSWORD}'`,
        `GRANT ALL ON *.* TO backup@'127.0.0.1'`,
        'CREATE DATABASE shop',
        'CREATE TABLE shop.orders (id INT PRIMARY KEY, note TEXT)',
        `INSERT INTO shop.orders SELECT seq, concat('注文 ', seq) FROM shop.seq_1_to_20000`,
      ]) {
        await client.query(statement);
      }
      stack = await Stack.start(['notifier'], { MARIADB_PASSWORD: PASSWORD });
    }, 120_000);
    afterAll(async () => {
      await stack?.[Symbol.asyncDispose]();
      await server?.[Symbol.asyncDispose]();
      await folder?.[Symbol.asyncDispose]();
    });

    it('is backed up over the network, proven after the death of a worker, told of, and restored beside', async () => {
      const dying = await stack.startService('backup-worker', {
        HOZEN_FAILPOINTS: `commit.after-data=kill@${stack.home.join('marker')}`,
      });
      const target = { name: 'shop', kind: 'mariadb', host: '127.0.0.1', port: server.port, user: 'backup' };
      await stack.configureBackups({
        targets: [{ ...target, password: 'env:MARIADB_PASSWORD', sslMode: 'disable' }],
        configs: [
          {
            name: 'shop-nightly',
            target: 'shop',
            method: 'mariadb-logical',
            storage: { kind: 'file', path: stack.home.join('storage') },
          },
        ],
      });
      const request = await stack.request('backup.requested', { config: 'shop-nightly' });
      await dying.exit();
      await stack.startService('backup-worker');
      const run = await stack.runEnded(request, 120_000);
      expect(run.error).toBeUndefined();
      expect(run).toMatchObject({ state: 'completed', artefact: { proof: { level: 'restore', databases: 1 } } });
      expect(run.attempts.map(({ status }) => status)).toEqual(['failure', 'success']);
      await stack.events.waitFor('backup.completed', request);
      await stack.mail.waitFor(({ text }) => text.includes(run.id));

      const manifest = await readFile(`${run.artefact?.path}.manifest.json`, 'utf8');
      expect(JSON.parse(manifest)).toMatchObject({
        format: 'hozen-mariadb-logical',
        databases: [{ name: 'shop', tables: 1 }],
        mariadb: { binlog: { gtid: expect.stringMatching(/^0-1-\d+$/) as string } },
      });
      expect(manifest).not.toContain(PASSWORD);

      const body = { run: run.id, target: 'shop', databases: [{ name: 'shop', as: 'shop_before' }] };
      const plan = await stack.post<RestorePlanView>('backup-worker', '/restores/plan', body);
      expect(plan).toMatchObject({ obstacles: [], databases: [{ as: 'shop_before' }] });
      const restored = await stack.restoreEnded(await stack.request('restore.requested', body), 120_000);
      expect(restored).toMatchObject({ state: 'completed', result: [{ as: 'shop_before', tables: 1 }] });
      await using client = await connectMariadb(server.address());
      expect(await client.query('SELECT id, note FROM shop_before.orders')).toEqual(
        await client.query('SELECT id, note FROM shop.orders'),
      );
    });
  },
);
