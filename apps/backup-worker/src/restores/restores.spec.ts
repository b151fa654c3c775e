import { randomUUID } from 'node:crypto';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { BackupConfiguration, EncryptionSpec, newEvent, requireValid, type ConfigSpec } from '@hozen/contracts';
import { tempDir, TestPostgres, type TempDir } from '@hozen/testkit';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { newSigning } from '../artefact/signing.fixture.js';
import { backUp, jobFor } from '../backup.fixture.js';
import { applyConfiguration } from '../configs/apply-configuration.js';
import { newIdentity } from '../encryption/age.fixture.js';
import { BackupStore } from '../spec-support/backup-store.js';
import type { CommittedArtefact } from '../storage/committed-artefact.js';
import { acceptRestore } from './accept-restore.js';
import { cancelRestore, findRestore } from './list-restores.js';
import { planRequest } from './plan-request.js';
import type { RestoreRow } from './restore-row.js';

const CONTENT = `
  CREATE TABLE orders (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, note text, at timestamptz);
  INSERT INTO orders (note, at) SELECT repeat(md5(n::text), 10), '2026-01-01'::timestamptz + n * interval '1 minute'
    FROM generate_series(1, 6000) AS n;
  CREATE TABLE "small ""one""" AS SELECT 1 AS a;
  CREATE INDEX ON orders (at);
  CREATE VIEW recent AS SELECT id FROM orders;
  GRANT SELECT ON orders TO clerk;
  SELECT lo_from_bytea(4711, 'large');
`;
const SUMS = `
  SELECT count(*)::int AS n, sum(hashtext(o::text))::text AS sum, (SELECT a FROM "small ""one""") AS a,
         (SELECT last_value::int FROM orders_id_seq) AS last, lo_get(4711)::text AS lo FROM orders AS o`;

let store: BackupStore;
let source: TestPostgres;
let destination: TestPostgres;
let folder: TempDir;
let artefact: CommittedArtefact;
let runId: string;
let database: string;

beforeAll(async () => {
  folder = await tempDir();
  [store, source, destination] = await Promise.all([BackupStore.start(), TestPostgres.start(), TestPostgres.start()]);
  for (const server of [source, destination]) {
    await using client = await server.client();
    await client.query('CREATE ROLE clerk');
  }
  await source.createDatabase('shop');
  await using shop = await source.client('shop');
  await shop.query(CONTENT);
  await shop.query(`ALTER DATABASE shop SET work_mem = '5MB'`);
  const job = jobFor(source.address(), folder.path);
  jobFor(destination.address(), folder.path);
  artefact = await backUp(job);
  await configure();
  runId = await store.completed('nightly', artefact);
}, 60_000);
afterAll(async () => {
  await Promise.all([store, source, destination, folder].map((each) => each[Symbol.asyncDispose]()));
});
beforeEach(() => {
  database = `restored ${randomUUID().slice(0, 8)}`;
});

/** With another config, `sealed`, if something is special in it. */
async function configure(special?: Partial<Pick<ConfigSpec, 'encryption' | 'signing'>>): Promise<void> {
  const target = (name: string, server: TestPostgres) => {
    const { host, port, user } = server.address();
    return { name, kind: 'postgres', host, port, user, password: `env:HOZEN_TEST_PASSWORD_${port}` };
  };
  const wanted = requireValid(BackupConfiguration, {
    targets: [target('shop', source), target('elsewhere', destination)],
    configs: [
      { name: 'nightly', target: 'shop', storage: { kind: 'file', path: folder.path } },
      ...(special
        ? [{ name: 'sealed', target: 'shop', storage: { kind: 'file', path: folder.path }, ...special }]
        : []),
    ],
  });
  await store.database.transaction((manager) => applyConfiguration(manager, wanted, false));
}

async function request(change: object = {}): Promise<string> {
  const data = { run: runId, target: 'elsewhere', databases: [{ name: 'shop', as: database }], ...change };
  const event = newEvent('restore.requested', data, { source: 'spec', id: randomUUID() });
  await store.outbox.transaction((tx) => acceptRestore(tx, event));
  return event.id;
}

async function execute(row: RestoreRow, shutdown = new AbortController().signal): Promise<void> {
  await store.executeRestore(row, folder.join('spool'), { shutdown });
}

async function databasesAt(server: TestPostgres): Promise<string[]> {
  await using client = await server.client();
  const { rows } = await client.query<{ name: string }>(
    `SELECT datname::text AS name FROM pg_database WHERE datname NOT IN ('postgres', 'template0', 'template1') ORDER BY 1`,
  );
  return rows.map(({ name }) => name);
}

async function contentOf(server: TestPostgres, name: string): Promise<unknown> {
  await using client = await server.client(name);
  return (await client.query(SUMS)).rows;
}

/** How often a table of the restored database was analysed, and how finely its column `at`. */
async function analysed(table: string): Promise<unknown> {
  await using client = await destination.client(database);
  const { rows } = await client.query(
    `SELECT analyze_count::int AS times,
            (SELECT array_length(histogram_bounds::text::text[], 1) FROM pg_stats WHERE tablename = $1 AND attname = 'at') AS bounds
       FROM pg_stat_user_tables WHERE relname = $1`,
    [table],
  );
  return rows[0];
}

async function drop(): Promise<void> {
  await using client = await destination.client();
  for (const name of await databasesAt(destination))
    await client.query(`DROP DATABASE ${client.escapeIdentifier(name)}`);
}

describe('a restore of a database', () => {
  it('stands under its new name on another server, equal to the original', async () => {
    const id = await request();
    await execute(await store.claimRestore());
    const view = await findRestore(store.database, id);
    expect(view).toMatchObject({ state: 'completed', result: [{ name: 'shop', as: database, tables: 2 }] });
    expect(view.warnings).toEqual([expect.stringContaining('Settings and rights of database "shop"')]);
    expect(await contentOf(destination, database)).toEqual(await contentOf(source, 'shop'));
    expect(await store.eventsOf(view.id)).toEqual(['restore.accepted', 'restore.started', 'restore.completed']);
    expect(await databasesAt(destination)).toEqual([database]);
    await drop();
  });

  it('stands under two names, restored side by side', async () => {
    const names = [database, `${database} again`];
    const id = await request({ databases: names.map((as) => ({ name: 'shop', as })) });
    await execute(await store.claimRestore());
    expect(await findRestore(store.database, id)).toMatchObject({ state: 'completed' });
    for (const name of names) expect(await contentOf(destination, name)).toEqual(await contentOf(source, 'shop'));
    await drop();
  });

  it('of the latest backup keeps settings of the database under its own name', async () => {
    const id = await request({ run: undefined, config: 'nightly', databases: [{ name: 'shop' }] });
    await execute(await store.claimRestore());
    expect(await findRestore(store.database, id)).toMatchObject({ state: 'completed', warnings: [] });
    await using client = await destination.client('shop');
    expect((await client.query('SHOW work_mem')).rows).toEqual([{ work_mem: '5MB' }]);
    await client.end();
    await drop();
  });

  it('goes on after the death of its worker: what that left is dropped, the result is whole', async () => {
    const id = await request();
    const dead = await store.claimRestore();
    await using client = await destination.client();
    await client.query(`CREATE DATABASE "hozen_${dead.id.replaceAll('-', '')}_${dead.epoch}_0"`);
    await store.database.query('UPDATE restores SET lease_until = clock_timestamp() WHERE id = $1', [dead.id]);
    await execute(await store.claimRestore());
    expect(await findRestore(store.database, id)).toMatchObject({ state: 'completed', attempt: 2 });
    expect(await databasesAt(destination)).toEqual([database]);
    await drop();
  });

  it('is told as completed by the next worker when the first one died after the opening', async () => {
    const id = await request();
    const dead = await store.claimRestore();
    await using client = await destination.client();
    await client.query(`CREATE DATABASE ${client.escapeIdentifier(database)}`);
    await store.database.query('UPDATE restores SET opening = true, lease_until = clock_timestamp() WHERE id = $1', [
      dead.id,
    ]);
    await execute(await store.claimRestore());
    expect(await findRestore(store.database, id)).toMatchObject({ state: 'completed', attempt: 2 });
    await drop();
  });

  it.each([0, 1])(
    'has its statistics in three stages, also where workers that die after one are %i',
    async (deaths) => {
      const id = await request();
      const first = await store.claimRestore();
      if (deaths > 0) process.env['HOZEN_FAILPOINTS'] = 'restore.analyzed=throw';
      try {
        await execute(first);
      } finally {
        delete process.env['HOZEN_FAILPOINTS'];
      }
      if (deaths > 0) {
        // It is open, and nobody may say that it failed, nor that it was cancelled.
        expect(await findRestore(store.database, id)).toMatchObject({ state: 'running' });
        expect(await analysed('orders')).toMatchObject({ times: 1 });
        await store.database.query('UPDATE restores SET lease_until = clock_timestamp() WHERE id = $1', [first.id]);
        await execute(await store.claimRestore());
      }
      const view = await findRestore(store.database, id);
      expect(view).toMatchObject({ state: 'completed', attempt: deaths + 1, warnings: [expect.any(String)] });
      expect(await analysed('orders')).toEqual({ times: 3, bounds: 101 });
      await drop();
    },
  );

  it('is told as completed when it is cancelled while its open databases are analysed', async () => {
    const id = await request();
    const first = await store.claimRestore();
    process.env['HOZEN_FAILPOINTS'] = 'restore.analyzed=throw';
    try {
      await execute(first);
    } finally {
      delete process.env['HOZEN_FAILPOINTS'];
    }
    await cancelRestore(store.outbox, first.id);
    await store.database.query('UPDATE restores SET lease_until = clock_timestamp() WHERE id = $1', [first.id]);
    await execute(await store.claimRestore());
    expect(await findRestore(store.database, id)).toMatchObject({ state: 'completed' });
    expect(await databasesAt(destination)).toEqual([database]);
    await drop();
  });

  it('is handed back by a worker that stops, with nothing left', async () => {
    const id = await request();
    const stopping = new AbortController();
    const executing = execute(await store.claimRestore(), stopping.signal);
    stopping.abort();
    await executing;
    expect(await findRestore(store.database, id)).toMatchObject({ state: 'queued' });
    expect(await databasesAt(destination)).toEqual([]);
    await execute(await store.claimRestore());
    expect(await findRestore(store.database, id)).toMatchObject({ state: 'completed', attempt: 1 });
    await drop();
  });

  it('that is cancelled while it runs leaves nothing', async () => {
    const id = await request();
    const row = await store.claimRestore();
    await cancelRestore(store.outbox, row.id);
    await execute({ ...row, cancel_requested_at: new Date() });
    expect(await findRestore(store.database, id)).toMatchObject({ state: 'cancelled', error: { code: 'CANCELLED' } });
    expect(await databasesAt(destination)).toEqual([]);
  });

  it('ends before it begins where it is cancelled while it waits', async () => {
    const id = await request();
    const { id: own } = await findRestore(store.database, id);
    await cancelRestore(store.outbox, own);
    expect(await findRestore(store.database, id)).toMatchObject({ state: 'cancelled' });
    expect(await store.eventsOf(own)).toEqual(['restore.accepted', 'restore.failed']);
  });
});

describe('a restore of an encrypted backup', () => {
  const [identity, stranger] = [newIdentity(), newIdentity()];
  const recipients = [identity.recipient];
  let sealed: string;

  beforeAll(async () => {
    const job = jobFor(source.address(), folder.path);
    job.config.name = 'sealed';
    job.config.encryption = Object.assign(new EncryptionSpec(), { recipients });
    await configure({ encryption: { recipients } });
    sealed = await store.completed('sealed', await backUp(job));
    writeFileSync(folder.join('identity.txt'), identity.secret);
    writeFileSync(folder.join('stranger.txt'), stranger.secret);
  }, 60_000);

  it('reads it with the identity of its config, even where that encrypts for others now', async () => {
    await configure({
      encryption: { recipients: [stranger.recipient], identity: `file:${folder.join('identity.txt')}` },
    });
    const id = await request({ run: sealed });
    await execute(await store.claimRestore());
    expect(await findRestore(store.database, id)).toMatchObject({ state: 'completed' });
    expect(await contentOf(destination, database)).toEqual(await contentOf(source, 'shop'));
    await drop();
  });

  it.each([
    ['no identity', undefined, 'IDENTITY_MISSING'],
    ['another identity', 'stranger.txt', 'IDENTITY_WRONG'],
    ['an identity that is not there', 'nothing.txt', 'SECRET_UNAVAILABLE'],
  ])('fails with %s, and changes nothing', async (_what, file, code) => {
    const reference = file === undefined ? {} : { identity: `file:${folder.join(file)}` };
    await configure({ encryption: { recipients, ...reference } });
    const body = { run: sealed, target: 'elsewhere', databases: [{ name: 'shop', as: database }] };
    await expect(planRequest(store.database, body, [])).rejects.toMatchObject({ code });
    const id = await request({ run: sealed });
    await execute(await store.claimRestore());
    expect(await findRestore(store.database, id)).toMatchObject({ state: 'failed', error: { code } });
    expect(await databasesAt(destination)).toEqual([]);
  });
});

describe('a restore of a signed backup', () => {
  let made: CommittedArtefact;
  let signed: string;

  beforeAll(async () => {
    const signing = newSigning(folder.join('signing.pem'));
    // Not compressed: nothing but sums would tell a changed letter.
    const job = jobFor(source.address(), folder.path, { compress: false, startedAt: new Date('2026-02-03T04:05:06Z') });
    Object.assign(job.config, { name: 'sealed', signing });
    made = await backUp(job);
    await configure({ signing });
    signed = await store.completed('sealed', made);
  }, 60_000);

  it('is made where the signature is good', async () => {
    const id = await request({ run: signed });
    await execute(await store.claimRestore());
    expect(await findRestore(store.database, id)).toMatchObject({ state: 'completed' });
    await drop();
  });

  it('is refused before anything is created where the data is not what was signed for', async () => {
    const pristine = readFileSync(made.path);
    const forged = Buffer.from(pristine);
    // A row: digits that are others are as good a row.
    const at = forged.lastIndexOf('c4ca4238a0b923820dcc509a6f75849b');
    expect(at).toBeGreaterThan(0);
    forged.write('d', at);
    writeFileSync(made.path, forged);
    const id = await request({ run: signed });
    await execute(await store.claimRestore());
    writeFileSync(made.path, pristine);
    const view = await findRestore(store.database, id);
    expect(view).toMatchObject({ state: 'failed', error: { code: 'ARTEFACT_CORRUPT' } });
    expect(view.error?.message).toContain('SHA-256 of the file');
    expect(await databasesAt(destination)).toEqual([]);
  });

  it.each([
    ['missing', 'SIGNATURE_MISSING', () => rmSync(`${made.manifestPath}.sig`)],
    ['wrong', 'SIGNATURE_WRONG', () => writeFileSync(`${made.manifestPath}.sig`, Buffer.alloc(64))],
  ])('is refused where the signature is %s', async (_what, code, spoil) => {
    const signature = readFileSync(`${made.manifestPath}.sig`);
    spoil();
    const body = { run: signed, target: 'elsewhere', databases: [{ name: 'shop', as: database }] };
    await expect(planRequest(store.database, body, [])).rejects.toMatchObject({ code });
    const id = await request({ run: signed });
    await execute(await store.claimRestore());
    writeFileSync(`${made.manifestPath}.sig`, signature);
    expect(await findRestore(store.database, id)).toMatchObject({ state: 'failed', error: { code } });
  });
});

describe('a restore that is impossible', () => {
  it('fails before anything is changed, and names everything that stands in its way', async () => {
    await using client = await destination.client();
    await client.query(`CREATE DATABASE ${client.escapeIdentifier(database)}; `);
    await client.query('ALTER ROLE clerk RENAME TO gone');
    const id = await request({ databases: [{ name: 'shop', as: database }, { name: 'missing' }] });
    await execute(await store.claimRestore());
    await client.query('ALTER ROLE gone RENAME TO clerk');
    const view = await findRestore(store.database, id);
    expect(view).toMatchObject({ state: 'failed', error: { code: 'RESTORE_IMPOSSIBLE' } });
    for (const what of [
      'there is no database missing in the backup',
      `there is a database ${database} already: give another name`,
      'role clerk is missing: CREATE ROLE it first',
    ]) {
      expect(view.error?.message).toContain(what);
    }
    expect(await databasesAt(destination)).toEqual([database]);
    await drop();
  });

  it('is seen in its plan, which changes nothing', async () => {
    const body = { run: runId, target: 'elsewhere', databases: [{ name: 'shop', as: database }] };
    const plan = await planRequest(store.database, body, []);
    expect(plan).toMatchObject({
      obstacles: [],
      databases: [{ name: 'shop', as: database, tables: 2 }],
      artefact: { proof: 'restore' },
    });
    expect(plan.expectedSeconds).toBeGreaterThan(0);
    const impossible = await planRequest(store.database, { ...body, databases: [{ name: 'nothing' }] }, []);
    expect(impossible.obstacles).toEqual([{ kind: 'database-unknown', what: 'nothing' }]);
    await expect(planRequest(store.database, { ...body, run: 'no such' }, [])).rejects.toMatchObject({
      code: 'REQUEST_INVALID',
    });
    expect(await databasesAt(destination)).toEqual([]);
  });

  it.each([
    ['without run and config', { run: undefined }],
    ['of an unknown target', { target: 'nowhere' }],
    ['of an unknown run', { run: 'no such' }],
    [
      'with one name twice',
      {
        databases: [
          { name: 'shop', as: 'x' },
          { name: 'postgres', as: 'x' },
        ],
      },
    ],
  ])('is rejected at once %s', async (_what, change) => {
    const id = await request(change);
    await expect(findRestore(store.database, id)).rejects.toMatchObject({ code: 'NOT_FOUND' });
    const rows = await store.database.query<unknown[]>(
      `SELECT FROM outbox WHERE subject = 'restore.rejected' AND body -> 'data' ->> 'requestId' = $1`,
      [id],
    );
    expect(rows).toHaveLength(1);
  });

  it('because its artefact is damaged leaves nothing', async () => {
    const id = await request();
    const pristine = readFileSync(artefact.path);
    const damaged = Buffer.from(pristine);
    damaged.fill(0xff, Math.floor(damaged.length * 0.4), Math.floor(damaged.length * 0.4) + 64);
    writeFileSync(artefact.path, damaged);
    await execute(await store.claimRestore());
    writeFileSync(artefact.path, pristine);
    expect(await findRestore(store.database, id)).toMatchObject({
      state: 'failed',
      error: { code: 'ARTEFACT_CORRUPT' },
    });
    expect(await databasesAt(destination)).toEqual([]);
  });
});
