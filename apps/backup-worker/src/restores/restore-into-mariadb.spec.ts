import { randomUUID } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { BackupConfiguration, newEvent, requireValid } from '@hozen/contracts';
import { connectMariadb, mariadbDatabases, PrivateMariadb } from '@hozen/dbms';
import { tempDir, type TempDir } from '@hozen/testkit';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { backUp } from '../backup.fixture.js';
import { applyConfiguration } from '../configs/apply-configuration.js';
import { fill, hasMariadb, mariadbJob } from '../methods/mariadb-logical/mariadb.fixture.js';
import { fillMysql, hasMysql, MYSQL } from '../methods/mariadb-logical/mysql.fixture.js';
import { BackupStore } from '../spec-support/backup-store.js';
import type { CommittedArtefact } from '../storage/committed-artefact.js';
import { acceptRestore } from './accept-restore.js';
import { findRestore } from './list-restores.js';
import { planRequest } from './plan-request.js';
import type { RestoreRow } from './restore-row.js';
import { unfinishedDatabases } from './unfinished-databases.js';

const ODD = 'odd "name\' 倉庫 \\\\ -x';

const BOTH = [
  {
    name: 'MariaDB',
    kind: { flavour: 'mariadb' },
    has: hasMariadb,
    fillIt: fill,
    without: 'no mariadbd: install mariadb-server',
  },
  {
    name: 'MySQL',
    kind: MYSQL,
    has: hasMysql,
    fillIt: fillMysql,
    without: 'no mysqld: name its programs in HOZEN_MYSQL_BIN',
  },
] as const;

for (const { name: flavour, kind, has, fillIt, without } of BOTH) {
  const hasComments = kind.flavour === 'mariadb';
  const comment = (text: string) => (hasComments ? text : '');

  describe.skipIf(!has)(`a restore into a ${flavour} server (skipped where there is ${without})`, () => {
    let store: BackupStore;
    let source: PrivateMariadb;
    let destination: PrivateMariadb;
    let folder: TempDir;
    let artefact: CommittedArtefact;
    let runId: string;

    beforeAll(async () => {
      folder = await tempDir();
      [store, source, destination] = await Promise.all([
        BackupStore.start(),
        PrivateMariadb.start({ kind, dataDir: folder.join('one') }),
        PrivateMariadb.start({ kind, dataDir: folder.join('other'), settings: { 'log-bin': 'bin', 'server-id': 2 } }),
      ]);
      await fillIt(source);
      await using client = await connectMariadb(source.address());
      if (hasComments) await client.query(`ALTER DATABASE shop COMMENT = 'the shop''s'`);
      const job = mariadbJob(source, folder.path);
      mkdirSync(job.spoolDir, { recursive: true, mode: 0o711 });
      artefact = await backUp(job);
      await using there = await connectMariadb(destination.address());
      for (const urn of artefact.manifest.mariadb?.components ?? []) {
        await there.query(`INSTALL COMPONENT ${there.literal(urn)}`);
      }
      const target = (name: string, server: PrivateMariadb) => ({
        name,
        kind: 'mariadb',
        host: server.address().host,
      });
      const wanted = requireValid(BackupConfiguration, {
        targets: [target('shop', source), target('elsewhere', destination)],
        configs: [
          { name: 'nightly', target: 'shop', method: 'mariadb-logical', storage: { kind: 'file', path: folder.path } },
        ],
      });
      await store.database.transaction((manager) => applyConfiguration(manager, wanted, false));
      runId = await store.completed('nightly', artefact);
    }, 60_000);
    afterAll(async () => {
      await Promise.all([store, source, destination, folder].map((each) => each?.[Symbol.asyncDispose]()));
    });
    afterEach(async () => {
      delete process.env['HOZEN_FAILPOINTS'];
      await using client = await connectMariadb(destination.address());
      for (const { name } of await mariadbDatabases(client)) await client.query(`DROP DATABASE ${client.name(name)}`);
    });

    async function request(change: object = {}): Promise<string> {
      const data = { run: runId, target: 'elsewhere', databases: [{ name: 'shop', as: 'shop copy' }], ...change };
      const event = newEvent('restore.requested', data, { source: 'spec', id: randomUUID() });
      await store.outbox.transaction((tx) => acceptRestore(tx, event));
      return event.id;
    }

    /** As when its worker died: the lease is over. */
    async function orphaned({ id }: RestoreRow): Promise<void> {
      await store.database.query('UPDATE restores SET lease_until = clock_timestamp() WHERE id = $1', [id]);
    }

    async function execute(row: RestoreRow): Promise<void> {
      await store.executeRestore(row, folder.join('spool'));
    }

    async function namesAt(server: PrivateMariadb): Promise<Record<string, string>> {
      await using client = await connectMariadb(server.address());
      return Object.fromEntries((await mariadbDatabases(client)).map(({ name, comment }) => [name, comment]));
    }

    async function rowsIn(server: PrivateMariadb, database: string): Promise<unknown> {
      await using client = await connectMariadb(server.address());
      const name = client.name(database);
      const [kinds, sums, half] = await Promise.all([
        client.query(`SELECT * FROM ${name}.kinds ORDER BY id`),
        client.query(`SELECT * FROM ${name}.sums`),
        client.query(`SELECT ${name}.half(9) AS half`),
      ]);
      return { kinds, sums, half };
    }

    it('stands under its new name on another server, with rows, views, routines, events and its comment', async () => {
      const id = await request();
      await execute(await store.claimRestore());
      const view = await findRestore(store.database, id);
      expect(view).toMatchObject({ state: 'completed', result: [{ name: 'shop', as: 'shop copy', tables: 2 }] });
      expect(view.warnings).toEqual([expect.stringContaining('users.sql')]);
      expect(await namesAt(destination)).toEqual({ 'shop copy': comment("the shop's") });
      expect(await rowsIn(destination, 'shop copy')).toEqual(await rowsIn(source, 'shop'));
      await using client = await connectMariadb(destination.address());
      expect(await client.query('SELECT event_schema AS s, event_name AS n FROM information_schema.events')).toEqual([
        { s: 'shop copy', n: 'hourly' },
      ]);
      await client.query('INSERT INTO `shop copy`.kinds (id) VALUES (77)');
      expect(await client.query('SELECT c, g FROM `shop copy`.kinds WHERE id = 77')).toEqual([{ c: 0, g: 1 }]);
    });

    it('stands beside the original on its own server, an odd name and an empty database too', async () => {
      const id = await request({
        target: 'shop',
        databases: [
          { name: ODD, as: 'odd ` copy' },
          { name: 'nothing_in_it', as: 'nothing' },
        ],
      });
      await execute(await store.claimRestore());
      expect(await findRestore(store.database, id)).toMatchObject({ state: 'completed' });
      await using client = await connectMariadb(source.address());
      expect(await client.query('SELECT `c"d` AS c FROM `odd `` copy`.`-t ``q```')).toEqual([{ c: 'x' }, { c: 'x' }]);
      await client.query('DROP DATABASE `odd `` copy`');
      await client.query('DROP DATABASE nothing');
    });

    it('goes on after the death of its worker: its session ends, what it left is dropped, the result is whole', async () => {
      const id = await request();
      const dead = await store.claimRestore();
      await using left = await connectMariadb(destination.address());
      await unfinishedDatabases(left, dead).create(left, 'shop copy', 'CHARACTER SET latin1');
      await left.query(`SELECT get_lock('hozen/${dead.id}/load', 0)`);
      await orphaned(dead);
      await execute(await store.claimRestore());
      await expect(left.query('CREATE TABLE `shop copy`.late (n INT)')).rejects.toMatchObject({
        code: 'TARGET_CONNECTION_LOST',
      });
      expect(await findRestore(store.database, id)).toMatchObject({ state: 'completed', attempt: 2 });
      expect(await rowsIn(destination, 'shop copy')).toEqual(await rowsIn(source, 'shop'));
    });

    it('is opened to its end by the next worker when the first one died in the middle of it', async () => {
      process.env['HOZEN_FAILPOINTS'] = 'restore.opened=throw';
      const id = await request({
        databases: [
          { name: 'shop', as: 'shop copy' },
          { name: 'nothing_in_it', as: 'nothing' },
        ],
      });
      const dead = await store.claimRestore();
      await execute(dead);
      delete process.env['HOZEN_FAILPOINTS'];
      expect(await findRestore(store.database, id)).toMatchObject({ state: 'running' });
      await using client = await connectMariadb(destination.address());
      expect(await unfinishedDatabases(client, dead).find(client)).toEqual(new Map([['nothing', Number(dead.epoch)]]));
      await orphaned(dead);
      await execute(await store.claimRestore());
      expect(await findRestore(store.database, id)).toMatchObject({ state: 'completed', attempt: 2 });
      expect(await namesAt(destination)).toEqual({ 'shop copy': comment("the shop's"), nothing: '' });
    });

    it('leaves nothing when it fails after the databases were made', async () => {
      process.env['HOZEN_FAILPOINTS'] = 'restore.created=throw';
      const id = await request();
      await execute(await store.claimRestore());
      expect(await findRestore(store.database, id)).toMatchObject({ state: 'failed' });
      expect(await namesAt(destination)).toEqual({});
    });

    it('leaves nothing when its artefact is damaged', async () => {
      const pristine = readFileSync(artefact.path);
      const damaged = Buffer.from(pristine);
      damaged.fill(0xff, Math.floor(damaged.length * 0.4), Math.floor(damaged.length * 0.4) + 64);
      const id = await request();
      writeFileSync(artefact.path, damaged);
      await execute(await store.claimRestore());
      writeFileSync(artefact.path, pristine);
      expect(await findRestore(store.database, id)).toMatchObject({
        state: 'failed',
        error: { code: 'ARTEFACT_CORRUPT' },
      });
      expect(await namesAt(destination)).toEqual({});
    });

    it('changes nothing where a name is taken or unknown, and its plan says so before', async () => {
      await using client = await connectMariadb(destination.address());
      await client.query(`CREATE DATABASE \`shop copy\` ${comment(`COMMENT 'of somebody else'`)}`);
      const databases = [{ name: 'shop', as: 'shop copy' }, { name: 'missing' }];
      const plan = await planRequest(store.database, { run: runId, target: 'elsewhere', databases }, []);
      expect(plan.obstacles).toEqual([
        { kind: 'database-unknown', what: 'missing' },
        { kind: 'database-exists', what: 'shop copy' },
      ]);
      const id = await request({ databases });
      await execute(await store.claimRestore());
      expect(await findRestore(store.database, id)).toMatchObject({
        state: 'failed',
        error: { code: 'RESTORE_IMPOSSIBLE' },
      });
      expect(await namesAt(destination)).toEqual({ 'shop copy': comment('of somebody else') });
    });

    it.skipIf(!hasMariadb || !hasMysql)('is refused in the plan where the server is of the other flavour', async () => {
      const other = hasComments ? MYSQL : ({ flavour: 'mariadb' } as const);
      await using server = await PrivateMariadb.start({ kind: other, dataDir: folder.join('of the other flavour') });
      const wanted = requireValid(BackupConfiguration, {
        targets: [{ name: 'other flavour', kind: 'mariadb', host: server.address().host }],
        configs: [],
      });
      await store.database.transaction((manager) => applyConfiguration(manager, wanted, false));
      const change = { target: 'other flavour', databases: [{ name: 'shop' }] };
      const { obstacles } = await planRequest(store.database, { run: runId, ...change }, []);
      expect(obstacles).toMatchObject([{ kind: 'wrong-method', what: expect.stringContaining(flavour) as string }]);
      const id = await request(change);
      await execute(await store.claimRestore());
      expect(await findRestore(store.database, id)).toMatchObject({
        state: 'failed',
        error: { code: 'RESTORE_IMPOSSIBLE' },
      });
      expect(await namesAt(server)).toEqual({});
    });

    it.skipIf(hasComments)('takes a login with the rights that the guide names', async () => {
      await using client = await connectMariadb(destination.address());
      await client.query(`CREATE USER restorer@localhost IDENTIFIED BY 'not-so-secret'`);
      for (const rights of [
        'ALL ON `shop copy`.*',
        'ALL ON `hozen\\_restore\\_%`.*',
        'SET_ANY_DEFINER, ALLOW_NONEXISTENT_DEFINER, SYSTEM_USER, SHOW_ROUTINE, SUPER ON *.*',
      ]) {
        await client.query(`GRANT ${rights} TO restorer@localhost`);
      }
      process.env['HOZEN_TEST_RESTORER'] = 'not-so-secret';
      const { host } = destination.address();
      const login = { user: 'restorer', password: 'env:HOZEN_TEST_RESTORER' };
      const wanted = requireValid(BackupConfiguration, {
        targets: [{ name: 'by restorer', kind: 'mariadb', host, ...login }],
        configs: [],
      });
      await store.database.transaction((manager) => applyConfiguration(manager, wanted, false));
      const id = await request({ target: 'by restorer' });
      await execute(await store.claimRestore());
      const view = await findRestore(store.database, id);
      expect(view, JSON.stringify(view.error)).toMatchObject({ state: 'completed' });
      expect(await namesAt(destination)).toEqual({ 'shop copy': '' });
    });

    it.skipIf(hasComments)('is refused in place before anything else is asked', async () => {
      const asked = { run: runId, target: 'shop', databases: [{ name: 'shop' }], inPlace: true };
      await expect(planRequest(store.database, asked, [])).rejects.toMatchObject({ code: 'RESTORE_IMPOSSIBLE' });
    });
  });
}
