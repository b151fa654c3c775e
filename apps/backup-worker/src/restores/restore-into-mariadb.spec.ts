import { readFileSync, writeFileSync } from 'node:fs';
import { BackupConfiguration, requireValid } from '@hozen/contracts';
import { connectMariadb, PrivateMariadb } from '@hozen/dbms';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { applyConfiguration } from '../configs/apply-configuration.js';
import { hasMariadb } from '../methods/mariadb-logical/mariadb.fixture.js';
import { hasMysql, MYSQL } from '../methods/mariadb-logical/mysql.fixture.js';
import type { BackupStore } from '../spec-support/backup-store.js';
import type { CommittedArtefact } from '../storage/committed-artefact.js';
import { findRestore } from './list-restores.js';
import { FLAVOURS, MariadbRestores } from '../spec-support/mariadb-restores.js';
import { planRequest } from './plan-request.js';
import { unfinishedDatabases } from './unfinished-databases.js';

const ODD = 'odd "name\' 倉庫 \\\\ -x';

for (const each of FLAVOURS) {
  const { flavour, kind, has, without } = each;
  const hasComments = kind.flavour === 'mariadb';
  const comment = (text: string) => (hasComments ? text : '');

  describe.skipIf(!has)(`a restore into a ${flavour} server (skipped where there is ${without})`, () => {
    let restores: MariadbRestores;
    let store: BackupStore;
    let source: PrivateMariadb;
    let destination: PrivateMariadb;
    let artefact: CommittedArtefact;
    let runId: string;

    beforeAll(async () => {
      restores = await MariadbRestores.start(each);
      ({ store, source, destination, artefact, runId } = restores);
    }, 60_000);
    afterAll(() => restores?.[Symbol.asyncDispose]());
    afterEach(async () => {
      delete process.env['HOZEN_FAILPOINTS'];
      await restores.dropDatabases();
    });

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
      const id = await restores.request();
      await restores.execute(await store.claimRestore());
      const view = await findRestore(store.database, id);
      expect(view).toMatchObject({ state: 'completed', result: [{ name: 'shop', as: 'shop copy', tables: 2 }] });
      expect(view.warnings).toEqual([expect.stringContaining('users.sql')]);
      expect(await restores.namesAt(destination)).toEqual({ 'shop copy': comment("the shop's") });
      expect(await rowsIn(destination, 'shop copy')).toEqual(await rowsIn(source, 'shop'));
      await using client = await connectMariadb(destination.address());
      expect(await client.query('SELECT event_schema AS s, event_name AS n FROM information_schema.events')).toEqual([
        { s: 'shop copy', n: 'hourly' },
      ]);
      await client.query('INSERT INTO `shop copy`.kinds (id) VALUES (77)');
      expect(await client.query('SELECT c, g FROM `shop copy`.kinds WHERE id = 77')).toEqual([{ c: 0, g: 1 }]);
    });

    it('stands beside the original on its own server, an odd name and an empty database too', async () => {
      const id = await restores.request({
        target: 'shop',
        databases: [
          { name: ODD, as: 'odd ` copy' },
          { name: 'nothing_in_it', as: 'nothing' },
        ],
      });
      await restores.execute(await store.claimRestore());
      expect(await findRestore(store.database, id)).toMatchObject({ state: 'completed' });
      await using client = await connectMariadb(source.address());
      expect(await client.query('SELECT `c"d` AS c FROM `odd `` copy`.`-t ``q```')).toEqual([{ c: 'x' }, { c: 'x' }]);
      await client.query('DROP DATABASE `odd `` copy`');
      await client.query('DROP DATABASE nothing');
    });

    it('goes on after the death of its worker: its session ends, what it left is dropped, the result is whole', async () => {
      const id = await restores.request();
      const dead = await store.claimRestore();
      await using left = await connectMariadb(destination.address());
      await unfinishedDatabases(left, dead).create(left, 'shop copy', 'CHARACTER SET latin1');
      await left.query(`SELECT get_lock('hozen/${dead.id}/load', 0)`);
      await restores.orphaned(dead);
      await restores.execute(await store.claimRestore());
      await expect(left.query('CREATE TABLE `shop copy`.late (n INT)')).rejects.toMatchObject({
        code: 'TARGET_CONNECTION_LOST',
      });
      expect(await findRestore(store.database, id)).toMatchObject({ state: 'completed', attempt: 2 });
      expect(await rowsIn(destination, 'shop copy')).toEqual(await rowsIn(source, 'shop'));
    });

    it('is opened to its end by the next worker when the first one died in the middle of it', async () => {
      process.env['HOZEN_FAILPOINTS'] = 'restore.opened=throw';
      const id = await restores.request({
        databases: [
          { name: 'shop', as: 'shop copy' },
          { name: 'nothing_in_it', as: 'nothing' },
        ],
      });
      const dead = await store.claimRestore();
      await restores.execute(dead);
      delete process.env['HOZEN_FAILPOINTS'];
      expect(await findRestore(store.database, id)).toMatchObject({ state: 'running' });
      await using client = await connectMariadb(destination.address());
      expect(await unfinishedDatabases(client, dead).find(client)).toEqual(new Map([['nothing', Number(dead.epoch)]]));
      await restores.orphaned(dead);
      await restores.execute(await store.claimRestore());
      expect(await findRestore(store.database, id)).toMatchObject({ state: 'completed', attempt: 2 });
      expect(await restores.namesAt(destination)).toEqual({ 'shop copy': comment("the shop's"), nothing: '' });
    });

    it('leaves nothing when it fails after the databases were made', async () => {
      process.env['HOZEN_FAILPOINTS'] = 'restore.created=throw';
      const id = await restores.request();
      await restores.execute(await store.claimRestore());
      expect(await findRestore(store.database, id)).toMatchObject({ state: 'failed' });
      expect(await restores.namesAt(destination)).toEqual({});
    });

    it('leaves nothing when its artefact is damaged', async () => {
      const pristine = readFileSync(artefact.path);
      const damaged = Buffer.from(pristine);
      damaged.fill(0xff, Math.floor(damaged.length * 0.4), Math.floor(damaged.length * 0.4) + 64);
      const id = await restores.request();
      writeFileSync(artefact.path, damaged);
      await restores.execute(await store.claimRestore());
      writeFileSync(artefact.path, pristine);
      expect(await findRestore(store.database, id)).toMatchObject({
        state: 'failed',
        error: { code: 'ARTEFACT_CORRUPT' },
      });
      expect(await restores.namesAt(destination)).toEqual({});
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
      const id = await restores.request({ databases });
      await restores.execute(await store.claimRestore());
      expect(await findRestore(store.database, id)).toMatchObject({
        state: 'failed',
        error: { code: 'RESTORE_IMPOSSIBLE' },
      });
      expect(await restores.namesAt(destination)).toEqual({ 'shop copy': comment('of somebody else') });
    });

    it.skipIf(!hasMariadb || !hasMysql)('is refused in the plan where the server is of the other flavour', async () => {
      const other = hasComments ? MYSQL : ({ flavour: 'mariadb' } as const);
      await using server = await PrivateMariadb.start({
        kind: other,
        dataDir: restores.folder.join('of the other flavour'),
      });
      const wanted = requireValid(BackupConfiguration, {
        targets: [{ name: 'other flavour', kind: 'mariadb', host: server.address().host }],
        configs: [],
      });
      await store.database.transaction((manager) => applyConfiguration(manager, wanted, false));
      const change = { target: 'other flavour', databases: [{ name: 'shop' }] };
      const { obstacles } = await planRequest(store.database, { run: runId, ...change }, []);
      expect(obstacles).toMatchObject([{ kind: 'wrong-method', what: expect.stringContaining(flavour) as string }]);
      const id = await restores.request(change);
      await restores.execute(await store.claimRestore());
      expect(await findRestore(store.database, id)).toMatchObject({
        state: 'failed',
        error: { code: 'RESTORE_IMPOSSIBLE' },
      });
      expect(await restores.namesAt(server)).toEqual({});
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
      const id = await restores.request({ target: 'by restorer' });
      await restores.execute(await store.claimRestore());
      const view = await findRestore(store.database, id);
      expect(view, JSON.stringify(view.error)).toMatchObject({ state: 'completed' });
      expect(await restores.namesAt(destination)).toEqual({ 'shop copy': '' });
    });

    it.skipIf(hasComments)('is refused in place before anything else is asked', async () => {
      const asked = { run: runId, target: 'shop', databases: [{ name: 'shop' }], inPlace: true };
      await expect(planRequest(store.database, asked, [])).rejects.toMatchObject({ code: 'RESTORE_IMPOSSIBLE' });
    });
  });
}
