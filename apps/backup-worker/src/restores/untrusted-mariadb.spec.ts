import { randomUUID } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { BackupConfiguration, newEvent, requireValid, type RestorePlanView } from '@hozen/contracts';
import { connectMariadb, mariadbDatabases, PrivateMariadb } from '@hozen/dbms';
import { tempDir, type TempDir } from '@hozen/testkit';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { backUp } from '../backup.fixture.js';
import { applyConfiguration } from '../configs/apply-configuration.js';
import { hasMariadb, mariadbJob } from '../methods/mariadb-logical/mariadb.fixture.js';
import { BackupStore } from '../spec-support/backup-store.js';
import type { CommittedArtefact } from '../storage/committed-artefact.js';
import { acceptRestore } from './accept-restore.js';
import { findRestore } from './list-restores.js';
import { planRequest } from './plan-request.js';

const CONTENT = [
  `CREATE USER backup@localhost IDENTIFIED BY 'se"cr\\\\et #1'`,
  'GRANT ALL ON *.* TO backup@localhost',
  'CREATE DATABASE shop',
  'CREATE TABLE shop.orders AS SELECT seq AS id FROM shop.seq_1_to_100',
  `CREATE DEFINER=root@localhost PROCEDURE shop.steal() SELECT 'here is the text' INTO OUTFILE '/tmp/stolen'`,
  'CREATE EVENT shop.daily ON SCHEDULE EVERY 1 DAY DO DELETE FROM shop.orders WHERE id < 0',
  'CREATE DATABASE plain',
  'CREATE TABLE plain.rows (id INT)',
];

const FINDINGS = [
  { kind: 'server-file', name: 'PROCEDURE steal', where: 'shop' },
  { kind: 'security-definer', name: 'PROCEDURE steal', where: 'shop' },
  { kind: 'event', name: 'daily', where: 'shop' },
  { kind: 'security-definer', name: 'EVENT daily', where: 'shop' },
];

describe.skipIf(!hasMariadb)(
  'a dump of MariaDB that nobody answers for (skipped where there is no mariadbd: install mariadb-server)',
  { timeout: 60_000 },
  () => {
    let store: BackupStore;
    let server: PrivateMariadb;
    let folder: TempDir;
    let artefact: CommittedArtefact;
    let runId: string;

    beforeAll(async () => {
      folder = await tempDir();
      [store, server] = await Promise.all([
        BackupStore.start(),
        PrivateMariadb.start({ dataDir: folder.join('data') }),
      ]);
      await using client = await connectMariadb(server.address());
      for (const statement of CONTENT) await client.query(statement);
      const job = mariadbJob(server, folder.path);
      // Nothing within it has a checksum of its own.
      Object.assign(job.config, { compression: 'none', compress: false });
      mkdirSync(job.spoolDir, { recursive: true, mode: 0o711 });
      artefact = await backUp(job);
      const target = { name: 'shop', kind: 'mariadb', host: server.address().host };
      const wanted = requireValid(BackupConfiguration, {
        targets: [target],
        configs: [
          { name: 'nightly', target: 'shop', method: 'mariadb-logical', storage: { kind: 'file', path: folder.path } },
        ],
      });
      await store.database.transaction((manager) => applyConfiguration(manager, wanted, false));
      runId = await store.completed('nightly', artefact);
    }, 60_000);
    afterAll(async () => {
      await Promise.all([store, server, folder].map((each) => each?.[Symbol.asyncDispose]()));
    });
    afterEach(async () => {
      await store.database.query('UPDATE backup_runs SET request_id = id WHERE id = $1', [runId]);
      await using client = await connectMariadb(server.address());
      for (const { name } of await mariadbDatabases(client)) {
        if (!['shop', 'plain'].includes(name)) await client.query(`DROP DATABASE ${client.name(name)}`);
      }
    });

    /** As a scan finds it in storage, and somebody adopts it. */
    async function adopted(): Promise<void> {
      await store.database.query(`UPDATE backup_runs SET request_id = 'adopted:' || id WHERE id = $1`, [runId]);
    }

    const wanted = (more: object) => ({
      run: runId,
      target: 'shop',
      databases: [{ name: 'shop', as: 'copy' }],
      ...more,
    });

    const plan = (more: object = {}): Promise<RestorePlanView> =>
      planRequest(store.database, wanted(more), [folder.path]);

    async function restored(more: object = {}): Promise<Awaited<ReturnType<typeof findRestore>>> {
      const event = newEvent('restore.requested', wanted(more), { source: 'spec', id: randomUUID() });
      expect(await store.outbox.transaction((tx) => acceptRestore(tx, event))).toEqual([]);
      const row = await store.claimRestore();
      await store.executeRestore(row, folder.join('spool'), { restoreFolders: [folder.path] });
      return findRestore(store.database, event.id);
    }

    async function names(): Promise<string[]> {
      await using client = await connectMariadb(server.address());
      return (await mariadbDatabases(client)).map(({ name }) => name);
    }

    it('that was made here says what it brings, and is restored', async () => {
      const { policy, obstacles } = await plan();
      expect(obstacles).toEqual([]);
      expect(policy).toEqual({ trust: 'recorded', findings: FINDINGS.map((each) => ({ ...each, allowed: true })) });
      expect(await restored()).toMatchObject({ state: 'completed' });
    });

    it('is refused with all that it would bring until each is named, and makes nothing before', async () => {
      await adopted();
      const { policy, obstacles } = await plan();
      expect(policy?.trust).toBe('none');
      expect(obstacles).toEqual(
        FINDINGS.map(({ kind, name, where }) => ({ kind: 'not-allowed', what: `${kind}:${name} (${where})` })),
      );
      const view = await restored({ allow: ['event:daily', 'security-definer:*'] });
      expect(view).toMatchObject({ state: 'failed', error: { code: 'RESTORE_IMPOSSIBLE' } });
      expect(view.error?.message).toContain('server-file:PROCEDURE steal (shop)');
      expect(view.error?.message).not.toContain('event:');
      expect(await names()).not.toContain('copy');
    });

    it('brings what was named, which is written down and told', async () => {
      await adopted();
      const allow = ['event:daily', 'security-definer:*', 'server-file:PROCEDURE steal'];
      expect((await plan({ allow })).obstacles).toEqual([]);
      const view = await restored({ allow });
      expect(view).toMatchObject({ state: 'completed', allow });
      expect(view.warnings.join()).toContain('nobody answers for: event:daily, security-definer:*');
    });

    it('brings a database that holds nothing but data without a word', async () => {
      await adopted();
      const databases = [{ name: 'plain', as: 'copy' }];
      expect(await plan({ databases })).toMatchObject({ obstacles: [], policy: { trust: 'none', findings: [] } });
      expect(await restored({ databases })).toMatchObject({ state: 'completed' });
    });

    it('becomes no new server either, with accounts that may do anything', async () => {
      await adopted();
      const directory = folder.join('restored');
      const request = { target: undefined, databases: undefined, directory };
      const { obstacles } = await plan(request);
      expect(obstacles).toContainEqual({ kind: 'not-allowed', what: 'role:backup@localhost (roles)' });
      expect(obstacles).toContainEqual({ kind: 'not-allowed', what: 'server-file:PROCEDURE steal (shop)' });
      const view = await restored(request);
      expect(view).toMatchObject({ state: 'failed', error: { code: 'RESTORE_IMPOSSIBLE' } });
    });

    it('is part of what a second DBA approves of', async () => {
      const here = await plan({ inPlace: true, databases: [{ name: 'plain' }], allow: ['*'] });
      await adopted();
      const found = await plan({ inPlace: true, databases: [{ name: 'plain' }], allow: ['*'] });
      expect(found.obstacles).toEqual(here.obstacles);
      expect(found.hash).not.toBe(here.hash);
    });

    it('that was changed behind its manifest is refused before anything of it is executed', async () => {
      const bytes = readFileSync(artefact.path);
      const changed = bytes.toString('latin1').replaceAll('here is the text', 'here is a change');
      expect(changed).not.toBe(bytes.toString('latin1'));
      writeFileSync(artefact.path, changed, 'latin1');
      try {
        expect(await restored()).toMatchObject({ state: 'failed', error: { code: 'ARTEFACT_CORRUPT' } });
        expect(await names()).not.toContain('copy');
      } finally {
        writeFileSync(artefact.path, bytes);
      }
    });
  },
);
