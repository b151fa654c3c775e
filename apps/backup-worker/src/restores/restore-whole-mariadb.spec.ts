import { connectMariadb, type MariadbClient, type PrivateMariadb } from '@hozen/dbms';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { ArtefactFile } from '../artefact/artefact-file.js';
import { usersScript } from '../methods/mariadb-logical/users-script.js';
import { accountsIn, storedAccounts, type StoredAccount } from '../restore/account-statements.js';
import type { BackupStore } from '../spec-support/backup-store.js';
import { findRestore } from './list-restores.js';
import { RestoredAccounts } from './mariadb-accounts.js';
import { FLAVOURS, MariadbRestores } from '../spec-support/mariadb-restores.js';
import { planRequest } from './plan-request.js';

const WHOLE = { databases: undefined, whole: true };

/** A view on a view of somebody else, who must be there, with rights, before it is made. */
const VIEWS = [
  'CREATE DEFINER = half@localhost VIEW shop.of_half AS SELECT n FROM shop.many',
  'CREATE VIEW shop.of_that AS SELECT n FROM shop.of_half',
];

async function fillWithViews({ fillIt }: (typeof FLAVOURS)[number], server: PrivateMariadb): Promise<void> {
  await fillIt(server);
  await using client = await connectMariadb(server.address());
  for (const statement of VIEWS) await client.query(statement);
}

for (const each of FLAVOURS) {
  const { flavour, kind, has, without } = each;
  const clerks = kind.flavour === 'mariadb' ? 'clerks' : 'clerks@%';

  describe.skipIf(!has)(`a restore of everything into a ${flavour} server (skipped where there is ${without})`, () => {
    let restores: MariadbRestores;
    let store: BackupStore;
    let destination: PrivateMariadb;
    let stored: StoredAccount[];
    let own: Set<string>;

    beforeAll(async () => {
      restores = await MariadbRestores.start({ ...each, fillIt: (server) => fillWithViews(each, server) });
      ({ store, destination } = restores);
      await using file = await ArtefactFile.open(restores.artefact);
      stored = await storedAccounts(file);
      await using client = await connectMariadb(destination.address());
      if (kind.flavour === 'mysql') await client.query('SET GLOBAL partial_revokes = ON');
      own = new Set((await accountsAt(client)).map(({ name }) => name));
    }, 60_000);
    afterAll(() => restores?.[Symbol.asyncDispose]());
    afterEach(async () => {
      delete process.env['HOZEN_FAILPOINTS'];
      await restores.dropDatabases();
      await using client = await connectMariadb(destination.address());
      for (const { name, quoted, isRole } of await accountsAt(client)) {
        if (!own.has(name)) await client.query(`DROP ${isRole ? 'ROLE' : 'USER'} ${quoted}`);
      }
    });

    async function accountsAt(client: MariadbClient): Promise<StoredAccount[]> {
      return accountsIn((await usersScript(client)).script);
    }

    async function newAccounts(): Promise<StoredAccount[]> {
      await using client = await connectMariadb(destination.address());
      return (await accountsAt(client)).filter(({ name }) => !own.has(name));
    }

    const missing = () => stored.filter(({ name }) => !own.has(name));

    it('brings all databases, and the users and roles that are missing, with their passwords and rights', async () => {
      const id = await restores.request(WHOLE);
      await restores.execute(await store.claimRestore());
      const view = await findRestore(store.database, id);
      expect(view, JSON.stringify(view.error)).toMatchObject({ state: 'completed', whole: true });
      expect(view.warnings).not.toContainEqual(expect.stringContaining('users.sql'));
      expect(await restores.namesAt(destination)).toEqual(await restores.namesAt(restores.source));
      expect(missing().map(({ name }) => name)).toContain(clerks);
      expect(await newAccounts()).toEqual(missing());
      await using half = await connectMariadb({
        ...destination.address(),
        user: 'half',
        password: 'half',
      });
      expect(await half.query('SELECT count(*) AS n FROM shop.of_that')).toMatchObject([{ n: '50000' }]);
    });

    it('shows in its plan which it makes, which of them may do anything, and which stay', async () => {
      await using client = await connectMariadb(destination.address());
      await client.query(`CREATE USER clerk@'%' IDENTIFIED BY 'of somebody else'`);
      const plan = await planRequest(store.database, { run: restores.runId, target: 'elsewhere', whole: true }, []);
      expect(plan.obstacles).toEqual([]);
      expect(plan.databases.map(({ name }) => name).toSorted()).toEqual(
        Object.keys(await restores.namesAt(restores.source)).toSorted(),
      );
      expect(plan.roles?.create).toContain(clerks);
      expect(plan.roles?.create).not.toContain('clerk@%');
      expect(plan.roles?.superusers).toContain('backup@localhost');
      expect(plan.roles?.superusers).not.toContain(clerks);
      expect(plan.roles?.kept).toEqual(['clerk@%']);
      expect(plan.warnings).toContainEqual(expect.stringContaining('backup@localhost'));
    });

    it('leaves accounts as they are that are there', async () => {
      await using client = await connectMariadb(destination.address());
      await client.query(`CREATE USER half@localhost IDENTIFIED BY 'another'`);
      await restores.request(WHOLE);
      await restores.execute(await store.claimRestore());
      const half = (await accountsAt(client)).find(({ name }) => name === 'half@localhost');
      expect(half?.grants.some((grant) => grant.includes('SELECT'))).toBe(false);
      await using still = await connectMariadb({ ...destination.address(), user: 'half', password: 'another' });
      expect(await still.query('SELECT 1 AS one')).toHaveLength(1);
    });

    it.each(['restore.account', 'restore.roles', 'restore.created'])(
      'leaves neither databases nor accounts when it fails at %s',
      async (failpoint) => {
        process.env['HOZEN_FAILPOINTS'] = `${failpoint}=throw`;
        const id = await restores.request(WHOLE);
        await restores.execute(await store.claimRestore());
        expect(await findRestore(store.database, id)).toMatchObject({ state: 'failed' });
        expect(await restores.namesAt(destination)).toEqual({});
        expect(await newAccounts()).toEqual([]);
      },
    );

    it('goes on after the death of its worker, which has made some of the accounts', async () => {
      const id = await restores.request(WHOLE);
      const dead = await store.claimRestore();
      await using left = await connectMariadb(destination.address());
      await new RestoredAccounts(dead, left).make(store.database, missing());
      expect((await newAccounts()).map(({ name }) => name)).toEqual(expect.arrayContaining(['clerk@%', clerks]));
      await expect(
        connectMariadb({ ...destination.address(), user: 'half', password: 'half' }),
        'nobody comes in before all is there',
      ).rejects.toMatchObject({ code: 'TARGET_AUTH_FAILED' });
      await restores.orphaned(dead);
      await restores.execute(await store.claimRestore());
      const view = await findRestore(store.database, id);
      expect(view, JSON.stringify(view.error)).toMatchObject({ state: 'completed', attempt: 2 });
      expect(await newAccounts()).toEqual(missing());
    });

    it('is opened to its end by the next worker when the first one died in the middle of it', async () => {
      process.env['HOZEN_FAILPOINTS'] = 'restore.opened=throw';
      const id = await restores.request(WHOLE);
      const dead = await store.claimRestore();
      await restores.execute(dead);
      delete process.env['HOZEN_FAILPOINTS'];
      expect(await findRestore(store.database, id)).toMatchObject({ state: 'running' });
      await restores.orphaned(dead);
      await restores.execute(await store.claimRestore());
      expect(await findRestore(store.database, id)).toMatchObject({ state: 'completed', attempt: 2 });
      expect(await restores.namesAt(destination)).toEqual(await restores.namesAt(restores.source));
      expect(await newAccounts()).toEqual(missing());
    });

    it('takes nothing away that somebody else has made under the same name', async () => {
      const id = await restores.request(WHOLE);
      const dead = await store.claimRestore();
      await using client = await connectMariadb(destination.address());
      await client.query(`CREATE USER half@localhost IDENTIFIED BY 'of somebody'`);
      await client.query(`CREATE ROLE clerks`);
      const accounts = new RestoredAccounts(dead, client);
      await expect(accounts.make(store.database, missing())).rejects.toMatchObject({
        code: 'RESTORE_IMPOSSIBLE',
        params: { what: expect.stringMatching(/clerks|half@localhost/) as string },
      });
      await restores.orphaned(dead);
      process.env['HOZEN_FAILPOINTS'] = 'restore.created=throw';
      await restores.execute(await store.claimRestore());
      expect(await findRestore(store.database, id)).toMatchObject({ state: 'failed' });
      const names = (await newAccounts()).map(({ name }) => name);
      expect(names).toContain('half@localhost');
      if (kind.flavour === 'mariadb') expect(names).toContain('clerks');
      await client.query(`DROP ROLE IF EXISTS clerks`);
    });

    it.skipIf(kind.flavour === 'mariadb')('is refused where the server would not take rights away', async () => {
      await using client = await connectMariadb(destination.address());
      await client.query('SET GLOBAL partial_revokes = OFF');
      const plan = await planRequest(store.database, { run: restores.runId, target: 'elsewhere', whole: true }, []);
      await client.query('SET GLOBAL partial_revokes = ON');
      expect(plan.obstacles).toEqual([{ kind: 'setting-missing', what: 'partial_revokes = ON (nearly@localhost)' }]);
    });
  });
}

describe('accounts in a script', () => {
  it('are found with all that is said of them, and what is quoted is not taken for more', () => {
    const script = [
      'SET NAMES utf8mb4',
      'CREATE ROLE IF NOT EXISTS `a ``role`` TO b`',
      "CREATE USER IF NOT EXISTS `u; TO x`@`%` IDENTIFIED BY PASSWORD '*AB; ACCOUNT LOCK''\\'' ACCOUNT LOCK PASSWORD EXPIRE",
      'GRANT SELECT (`x TO y`), INSERT ON `d``b`.`t` TO `u; TO x`@`%` WITH GRANT OPTION',
      'GRANT `a ``role`` TO b` TO `u; TO x`@`%`',
      'GRANT ALL ON *.* TO `u; TO x`@`%`, evil@`%`',
      'GRANT ALL ON *.* TO somebody@localhost',
      'SET DEFAULT ROLE `a ``role`` TO b` FOR `u; TO x`@`%`',
      'DROP DATABASE shop',
    ].join(';\n');
    expect(accountsIn(script)).toEqual([
      { name: 'a `role` TO b', quoted: '`a ``role`` TO b`', isRole: true, options: '', grants: [] },
      {
        name: 'u; TO x@%',
        quoted: '`u; TO x`@`%`',
        isRole: false,
        options: "IDENTIFIED BY PASSWORD '*AB; ACCOUNT LOCK''\\'' ACCOUNT LOCK PASSWORD EXPIRE",
        grants: [
          'GRANT SELECT (`x TO y`), INSERT ON `d``b`.`t` TO `u; TO x`@`%` WITH GRANT OPTION',
          'GRANT `a ``role`` TO b` TO `u; TO x`@`%`',
          'SET DEFAULT ROLE `a ``role`` TO b` FOR `u; TO x`@`%`',
        ],
      },
    ]);
  });
});
