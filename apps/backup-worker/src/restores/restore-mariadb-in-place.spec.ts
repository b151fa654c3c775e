import { randomUUID } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import type { Identity } from '@hozen/access';
import { BackupConfiguration, newEvent, requireValid, RestoreRequested, type RestorePlanView } from '@hozen/contracts';
import { connectMariadb, mariadbDatabases, PrivateMariadb } from '@hozen/dbms';
import { logger } from '@hozen/telemetry';
import { tempDir, type TempDir } from '@hozen/testkit';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { backUp } from '../backup.fixture.js';
import { applyConfiguration } from '../configs/apply-configuration.js';
import { hasMariadb, mariadbJob } from '../methods/mariadb-logical/mariadb.fixture.js';
import { BackupStore } from '../spec-support/backup-store.js';
import type { CommittedArtefact } from '../storage/committed-artefact.js';
import { acceptRestore } from './accept-restore.js';
import { approveRestore } from './ask-in-place.js';
import { destinationOf } from './choose-destination.js';
import { cancelRestore, findRestore, findRestoreRow } from './list-restores.js';
import { planRequest } from './plan-request.js';
import type { RestoreRow } from './restore-row.js';

const ALICE: Identity = { name: 'alice', role: 'dba' };
const BOB: Identity = { name: 'bob', role: 'dba' };

/** A parent, a child, a sequence, views that need one another, and programs of every kind. */
const CONTENT = (database: string) => [
  `CREATE DATABASE ${database} CHARACTER SET utf8mb4 COMMENT 'the ${database}''s'`,
  `CREATE TABLE ${database}.parents (id INT PRIMARY KEY, state TEXT)`,
  `CREATE TABLE ${database}.children (id INT PRIMARY KEY, parent INT, state TEXT, CONSTRAINT of FOREIGN KEY (parent) REFERENCES ${database}.parents (id))`,
  `INSERT INTO ${database}.parents SELECT seq, 'old' FROM ${database}.seq_1_to_100`,
  `INSERT INTO ${database}.children SELECT seq, seq, 'old' FROM ${database}.seq_1_to_100`,
  `CREATE SEQUENCE ${database}.numbers`,
  `CREATE FUNCTION ${database}.twice(n INT) RETURNS INT DETERMINISTIC RETURN 2 * n`,
  `CREATE VIEW ${database}.second AS SELECT id, ${database}.twice(id) AS double_id, state FROM ${database}.children`,
  `CREATE VIEW ${database}.first AS SELECT * FROM ${database}.second WHERE id < 10`,
  `CREATE TRIGGER ${database}.before_parents BEFORE INSERT ON ${database}.parents FOR EACH ROW SET NEW.state = coalesce(NEW.state, 'triggered')`,
  `CREATE EVENT ${database}.daily ON SCHEDULE EVERY 1 DAY STARTS '2036-01-01 00:00:00' DO DELETE FROM ${database}.children WHERE id < 0`,
];

describe.skipIf(!hasMariadb)(
  'a restore in place on a MariaDB server (skipped where there is no mariadbd: install mariadb-server)',
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
        PrivateMariadb.start({ dataDir: folder.join('data'), settings: { 'log-bin': 'bin', 'server-id': 1 } }),
      ]);
      await sql(
        `CREATE USER backup@localhost IDENTIFIED BY 'se"cr\\\\et #1'`,
        'GRANT ALL ON *.* TO backup@localhost WITH GRANT OPTION',
        'CREATE USER app@localhost',
        'GRANT ALL ON shop.* TO app@localhost',
        ...CONTENT('shop'),
        ...CONTENT('crm'),
      );
      const job = mariadbJob(server, folder.path);
      mkdirSync(job.spoolDir, { recursive: true, mode: 0o711 });
      artefact = await backUp(job);
      const target = { name: 'shop', kind: 'mariadb', host: server.address().host, user: 'backup' };
      const wanted = requireValid(BackupConfiguration, {
        targets: [{ ...target, password: 'env:HOZEN_TEST_MARIADB' }],
        configs: [
          { name: 'nightly', target: 'shop', method: 'mariadb-logical', storage: { kind: 'file', path: folder.path } },
        ],
      });
      await store.database.transaction((manager) => applyConfiguration(manager, wanted, false));
    }, 60_000);
    afterAll(async () => {
      await Promise.all([store, server, folder].map((each) => each?.[Symbol.asyncDispose]()));
    });
    beforeEach(async () => {
      await store.database.query('TRUNCATE restores, backup_artefacts, backup_runs, outbox CASCADE');
      runId = await store.completed('nightly', artefact);
      await sql(
        `UPDATE shop.children SET state = 'new'`,
        `UPDATE crm.children SET state = 'new'`,
        'CREATE TABLE shop.only_new (n INT)',
        'CREATE OR REPLACE VIEW shop.only_new_view AS SELECT * FROM shop.only_new',
      );
    });
    afterEach(async () => {
      delete process.env['HOZEN_FAILPOINTS'];
      await sql(
        'SET GLOBAL read_only = OFF',
        'DROP VIEW IF EXISTS shop.only_new_view',
        'DROP TABLE IF EXISTS shop.only_new',
      );
      await using client = await connectMariadb(server.address());
      for (const name of await besides()) await client.query(`DROP DATABASE ${client.name(name)}`);
    });

    async function sql(...statements: string[]): Promise<void> {
      await using client = await connectMariadb(server.address());
      for (const statement of statements) await client.query(statement);
    }

    const body = (change: object = {}) =>
      requireValid(RestoreRequested, {
        run: runId,
        target: 'shop',
        databases: [{ name: 'shop' }, { name: 'crm' }],
        inPlace: true,
        ...change,
      });

    /** As the controller does it. */
    async function approved(): Promise<string> {
      const request = body({ requestedBy: ALICE.name });
      const plan = await planRequest(store.database, request, []);
      expect(plan.obstacles).toEqual([]);
      const event = newEvent('restore.requested', request, { source: 'spec', id: randomUUID() });
      await store.outbox.transaction((tx) => acceptRestore(tx, event, { plan, asker: ALICE }));
      await store.outbox.transaction(async (tx) =>
        approveRestore(tx, await findRestoreRow(tx.manager, event.id), plan.hash, BOB),
      );
      return event.id;
    }

    async function claimed(): Promise<RestoreRow> {
      const row = await store.claimRestore();
      await store.database.query(
        `INSERT INTO backup_runs (id, request_id, config_id, target_id, config_name, target_name, backup_level, backup_trigger, options, state)
         SELECT gen_random_uuid(), $1, config_id, target_id, config_name, target_name, 'full', 'automatic', '{}', 'completed'
           FROM backup_runs WHERE id = $2 ON CONFLICT (request_id) DO NOTHING`,
        [row.id, runId],
      );
      return row;
    }

    async function execute(row: RestoreRow): Promise<void> {
      await store.executeRestore(row, folder.join('spool'));
    }

    async function orphaned({ id }: RestoreRow): Promise<void> {
      await store.database.query('UPDATE restores SET lease_until = clock_timestamp() WHERE id = $1', [id]);
    }

    /** Everything that stands in a database, and how it behaves. */
    async function found(database: string): Promise<object> {
      await using client = await connectMariadb(server.address());
      const list = async (statement: string) =>
        (await client.query<{ name: string }>(statement, [database])).map(({ name }) => name);
      const [state] = await client.query<{ children: string; view: string; readOnly: string; twice: string }>(
        `SELECT (SELECT group_concat(DISTINCT state) FROM ${database}.children) AS children,
                (SELECT group_concat(DISTINCT state) FROM ${database}.first) AS view,
                ${database}.twice(4) AS twice, @@global.read_only AS readOnly`,
      );
      await client.query(`INSERT INTO ${database}.parents (id) VALUES (1000)`);
      const parents = await client.query(`SELECT state FROM ${database}.parents WHERE id = 1000`);
      await client.query(`DELETE FROM ${database}.parents WHERE id = 1000`);
      return {
        ...state,
        readOnly: Number(state?.readOnly),
        twice: Number(state?.twice),
        parents,
        tables: await list(
          'SELECT table_name AS name FROM information_schema.tables WHERE table_schema = ? ORDER BY 1',
        ),
        events: await list('SELECT event_name AS name FROM information_schema.events WHERE event_schema = ?'),
        points: await list(
          'SELECT unique_constraint_schema AS name FROM information_schema.referential_constraints WHERE constraint_schema = ?',
        ),
        comment: (await mariadbDatabases(client)).find(({ name }) => name === database)?.comment,
      };
    }

    const TABLES = ['children', 'first', 'numbers', 'parents', 'second'];
    const AT = (database: string, state: string, more: string[] = []) => ({
      children: state,
      view: state,
      twice: 8,
      readOnly: 0,
      parents: [{ state: 'triggered' }],
      tables: [...TABLES, ...more].toSorted(),
      events: ['daily'],
      points: [database],
      comment: `the ${database}'s`,
    });
    const OLD = [AT('shop', 'old'), AT('crm', 'old')];
    const NEW = [AT('shop', 'new', ['only_new', 'only_new_view']), AT('crm', 'new')];

    const both = async () => [await found('shop'), await found('crm')];

    async function besides(): Promise<string[]> {
      await using client = await connectMariadb(server.address());
      const names = (await mariadbDatabases(client)).map(({ name }) => name);
      return names.filter((name) => name !== 'shop' && name !== 'crm');
    }

    /** Tables know the second in which they were created. */
    async function secondPassed(): Promise<void> {
      await using client = await connectMariadb(server.address());
      await vi.waitFor(
        async () => {
          const [row] = await client.query<{ passed: string }>(
            `SELECT unix_timestamp() > max(unix_timestamp(create_time)) AS passed
               FROM information_schema.tables WHERE table_schema IN ('shop', 'crm')`,
          );
          expect(Number(row?.passed)).toBe(1);
        },
        { timeout: 5000 },
      );
    }

    it('backs up what is there, and puts the backup in its place, with all that belongs to it', async () => {
      const id = await approved();
      const row = await claimed();
      await execute(row);
      const view = await findRestore(store.database, id);
      expect(view.error).toBeUndefined();
      expect(view).toMatchObject({
        state: 'completed',
        result: [
          { as: 'shop', tables: 2 },
          { as: 'crm', tables: 2 },
        ],
      });
      expect(await both()).toEqual(OLD);
      const kept = [`crm_before_${row.id.slice(0, 8)}`, `shop_before_${row.id.slice(0, 8)}`];
      expect(await besides()).toEqual(kept);
      expect(await found(kept[1] ?? '')).toMatchObject({
        ...AT(kept[1] ?? '', 'new', ['only_new', 'only_new_view']),
        events: [],
        comment: expect.stringContaining('before') as string,
      });
      expect(view.warnings[0]).toContain(kept[1]);
      expect(view.warnings).toHaveLength(2);
      await using app = await connectMariadb({ ...server.address(), user: 'app' });
      expect(await app.query('SELECT DISTINCT state FROM shop.children')).toEqual([{ state: 'old' }]);
      await expect(app.query(`SELECT 1 FROM ${kept[1]}.children`)).rejects.toMatchObject({
        code: 'TARGET_RIGHTS_MISSING',
      });
    });

    it.each(['restore.beside', 'restore.closed', 'restore.triggers-dropped'])(
      'that fails at %s leaves everything as it was, and open',
      async (step) => {
        process.env['HOZEN_FAILPOINTS'] = `${step}=throw`;
        const id = await approved();
        await execute(await claimed());
        delete process.env['HOZEN_FAILPOINTS'];
        expect(await findRestore(store.database, id)).toMatchObject({ state: 'failed' });
        expect(await both()).toEqual(NEW);
        expect(await besides()).toEqual([]);
        const row = await findRestoreRow(store.database.manager, id);
        expect([row.closed, row.set_aside]).toEqual([null, null]);
      },
    );

    it.each(['restore.swapped', 'restore.opened', 'restore.completed'])(
      'is ended by the next worker when one dies at %s, for then the tables have changed places',
      async (step) => {
        process.env['HOZEN_FAILPOINTS'] = `${step}=throw`;
        const id = await approved();
        const dead = await claimed();
        await execute(dead);
        delete process.env['HOZEN_FAILPOINTS'];
        expect(await findRestore(store.database, id)).toMatchObject({ state: 'running' });
        await orphaned(dead);
        await execute(await claimed());
        const view = await findRestore(store.database, id);
        expect(view.error).toBeUndefined();
        expect(view).toMatchObject({ state: 'completed', attempt: 2 });
        expect(await both()).toEqual(OLD);
        expect(await besides()).toHaveLength(2);
      },
    );

    it.each(['restore.created', 'restore.beside', 'restore.closed', 'restore.triggers-dropped'])(
      'of a worker that dies at %s is begun anew by the next one, or undone',
      async (step) => {
        process.env['HOZEN_FAILPOINTS'] = `${step}=throw`;
        const id = await approved();
        const dead = await claimed();
        // Nothing is settled: it is gone.
        const { database, outbox } = store;
        const [signal, log] = [new AbortController().signal, logger('spec')];
        const context = { database, outbox, log, spoolRoot: folder.path, restoreFolders: [], shutdown: signal };
        const about = { spoolDir: folder.path, signal, progress: () => undefined, ensureLease: () => undefined };
        const destination = await destinationOf(dead, context);
        await expect(destination.restore(about)).rejects.toThrow(step);
        delete process.env['HOZEN_FAILPOINTS'];
        const isClosed = step === 'restore.closed' || step === 'restore.triggers-dropped';
        await using app = await connectMariadb({ ...server.address(), user: 'app' });
        const written = app.query('INSERT INTO shop.only_new VALUES (1)');
        await (isClosed ? expect(written).rejects.toThrow() : written);
        await orphaned(dead);
        if (step === 'restore.triggers-dropped') await cancelRestore(outbox, dead.id);
        await execute(await claimed());
        const isCancelled = step === 'restore.triggers-dropped';
        expect(await findRestore(store.database, id)).toMatchObject({ state: isCancelled ? 'cancelled' : 'completed' });
        expect(await both()).toEqual(isCancelled ? NEW : OLD);
        expect(await besides()).toHaveLength(isCancelled ? 0 : 2);
      },
    );

    it('does not replace what another restore has put in the place of what was to be replaced', async () => {
      await secondPassed();
      await approved();
      const late = await approved();
      const first = await claimed();
      await execute(first);
      expect(await findRestore(store.database, first.id)).toMatchObject({ state: 'completed' });
      await sql(`UPDATE crm.children SET state = 'written since'`);
      await execute(await claimed());
      expect(await findRestore(store.database, late)).toMatchObject({
        state: 'failed',
        error: { code: 'PLAN_CHANGED' },
      });
      expect(await found('crm')).toEqual(AT('crm', 'written since'));
      expect(await besides()).toHaveLength(2);
    });

    it('replaces what tables have come to and gone from since it was approved of', async () => {
      const id = await approved();
      await sql('CREATE TABLE shop.staging (n INT)', 'DROP TABLE shop.only_new');
      await execute(await claimed());
      expect(await findRestore(store.database, id)).toMatchObject({ state: 'completed' });
    });

    it('ends the sessions that hold the tables', async () => {
      await approved();
      await using app = await connectMariadb({ ...server.address(), user: 'app' });
      await app.query('USE shop');
      await app.query('START TRANSACTION');
      await app.query(`UPDATE shop.children SET state = 'lost' WHERE id = 1`);
      await execute(await claimed());
      expect(await both()).toEqual(OLD);
    });

    it('is refused where tables elsewhere point to what is replaced', async () => {
      await sql('CREATE DATABASE other', 'CREATE TABLE other.t (p INT, FOREIGN KEY (p) REFERENCES shop.parents (id))');
      const plan: RestorePlanView = await planRequest(store.database, body(), []);
      expect(plan.obstacles).toEqual([{ kind: 'table-points', what: 'other.t → shop.parents' }]);
    });
  },
);
