import { execFileSync } from 'node:child_process';
import { dirname, join } from 'node:path';
import type { ExclusionSpec, InclusionSpec } from '@hozen/contracts';
import { connect, sessionName, type TargetClient } from '@hozen/dbms';
import { eventually, tempDir, TestPostgres, type TempDir } from '@hozen/testkit';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { ArtefactFile } from '../artefact/artefact-file.js';
import { backUp, jobFor, quietContext } from '../backup.fixture.js';
import type { CommittedArtefact } from '../storage/committed-artefact.js';
import { checkArtefact } from '../verification/check-artefact.js';
import { proveByRestore } from '../verification/prove-by-restore.js';

const HOSTILE = `--table=x "quoted" new\nline 注文.$1*`;
const quoted = (name: string) => `"${name.replaceAll('"', '""')}"`;

const SHOP = `
  CREATE TYPE state AS ENUM ('open', 'paid');
  CREATE SEQUENCE numbers START 100;
  CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
  CREATE TABLE customers (id int PRIMARY KEY, name text);
  CREATE TABLE orders (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, number int DEFAULT nextval('numbers'), state state,
    customer int REFERENCES customers);
  CREATE TRIGGER touched BEFORE UPDATE ON orders FOR EACH ROW EXECUTE FUNCTION touch();
  CREATE INDEX ON orders (state);
  COMMENT ON TABLE orders IS 'what was bought';
  CREATE VIEW bills AS SELECT o.id, c.name FROM orders o JOIN customers c ON c.id = o.customer;
  INSERT INTO customers SELECT n, 'customer ' || n FROM generate_series(1, 10) n;
  INSERT INTO orders (state, customer) SELECT 'paid', n FROM generate_series(1, 10) n;
  CREATE TABLE events (at date, what text) PARTITION BY RANGE (at);
  CREATE TABLE events_2025 PARTITION OF events FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');
  CREATE TABLE events_2026 PARTITION OF events FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
  CREATE INDEX ON events (at);
  INSERT INTO events VALUES ('2025-02-03', 'old'), ('2026-02-03', 'new');
  CREATE SCHEMA audit;
  CREATE TABLE audit.log AS SELECT n AS id, repeat(md5(n::text), 50) AS text FROM generate_series(1, 2000) n;
  CREATE TABLE audit.small AS SELECT 1 AS a;
  CREATE SCHEMA "Odd.Schema";
  CREATE TABLE "Odd.Schema".${quoted(HOSTILE)} AS SELECT 7 AS a;
  SELECT lo_from_bytea(4711, 'large');
`;

let server: TestPostgres;
let folder: TempDir;
beforeAll(async () => {
  server = await TestPostgres.start({ settings: { max_prepared_transactions: 1 } });
  for (const name of ['shop', 'crm', 'shop_test']) await server.createDatabase(name);
  await using shop = await server.client('shop');
  await shop.query(SHOP);
  await using crm = await server.client('crm');
  await crm.query('CREATE TABLE contacts AS SELECT 1 AS id');
}, 60_000);
afterAll(() => server[Symbol.asyncDispose]());
beforeEach(async () => {
  folder = await tempDir();
});
afterEach(() => folder[Symbol.asyncDispose]());

function part(include?: InclusionSpec, exclude?: ExclusionSpec) {
  const job = jobFor(server.address(), folder.path);
  Object.assign(job.config, { include, exclude });
  return job;
}

/** Backs up, reads back, restores into a scratch server and compares. */
async function proven(include?: InclusionSpec, exclude?: ExclusionSpec): Promise<CommittedArtefact> {
  const job = part(include, exclude);
  const artefact = await backUp(job);
  await checkArtefact(job, artefact, quietContext());
  await proveByRestore(job, artefact, quietContext());
  return artefact;
}

async function tablesOf(artefact: CommittedArtefact, database = 'shop'): Promise<string[]> {
  await using file = await ArtefactFile.open(artefact);
  const found = file.index.databases.find(({ name }) => name === database);
  return (found?.tables ?? []).map(({ schema, name }) => `${schema}.${name}`).toSorted();
}

async function sequencesOf(artefact: CommittedArtefact): Promise<string[]> {
  await using file = await ArtefactFile.open(artefact);
  return file.index.databases.flatMap((each) => each.sequences.map(({ name }) => name)).toSorted();
}

describe('a part of a server', () => {
  it('has the databases that match, and the manifest names the others', async () => {
    const { manifest } = await proven({ databases: ['shop*', 'crm'] }, { databases: ['*_test'] });
    expect(manifest.databases.map(({ name }) => name)).toEqual(['crm', 'shop']);
    expect(manifest.parts).toMatchObject({
      include: { databases: ['shop*', 'crm'] },
      exclude: { databases: ['*_test'] },
      databases: ['postgres', 'shop_test', 'template1'],
    });
  }, 60_000);

  it('has chosen tables with all that they need, and nothing that needs what is not there', async () => {
    const artefact = await proven({ tables: ['shop:public.orders', 'shop:"Odd.Schema".*'] });
    expect(artefact.manifest.databases.map(({ name }) => name)).toEqual(['shop']);
    expect(await tablesOf(artefact)).toEqual([`Odd.Schema.${HOSTILE}`, 'public.orders']);
    expect(await sequencesOf(artefact)).toEqual(['numbers', 'orders_id_seq']);
    expect(artefact.manifest.parts?.leftOut).toEqual([
      expect.objectContaining({
        database: 'shop',
        withoutRows: [],
        unrestorable: ['fk constraint public.orders orders_customer_fkey'],
      }),
    ]);
    expect(artefact.manifest.warnings).toContainEqual(expect.stringContaining('orders_customer_fkey'));
  }, 60_000);

  it('has the partitions of a table that is chosen, and of a chosen partition the table as a definition', async () => {
    const whole = await proven({ tables: ['shop:events'] });
    expect(await tablesOf(whole)).toEqual(['public.events_2025', 'public.events_2026']);
    await folder[Symbol.asyncDispose]();
    folder = await tempDir();
    const one = await proven({ tables: ['shop:events_2026'] });
    expect(await tablesOf(one)).toEqual(['public.events_2026']);
  }, 60_000);

  it('has chosen schemas', async () => {
    const artefact = await proven(
      { databases: ['shop'], schemas: ['audit', '"Odd.Schema"'] },
      { tables: ['audit.s*'] },
    );
    expect(await tablesOf(artefact)).toEqual([`Odd.Schema.${HOSTILE}`, 'audit.log']);
  }, 60_000);

  it('has all but what is left out, large objects too, and no rows of tables that are to be empty', async () => {
    const artefact = await proven(
      { databases: ['shop'] },
      { schemas: ['audit'], tables: ['public.customers', 'temporary_*'], rows: ['"Odd.Schema".*', 'events'] },
    );
    expect(await tablesOf(artefact)).toEqual(['public.orders']);
    const [leftOut] = artefact.manifest.parts?.leftOut ?? [];
    expect(leftOut?.names).toEqual(['audit.log', 'audit.small', 'public.customers']);
    expect(leftOut?.withoutRows.toSorted()).toEqual(
      [`Odd.Schema.${HOSTILE}`, 'public.events_2025', 'public.events_2026'].toSorted(),
    );
    expect(leftOut?.unrestorable.toSorted()).toEqual([
      'fk constraint public.orders orders_customer_fkey',
      'view public.bills',
    ]);
    expect(artefact.manifest.warnings).toContainEqual(expect.stringContaining('temporary_*: there is none'));
    await using file = await ArtefactFile.open(artefact);
    expect(file.index.databases[0]?.largeObjects.count).toBe(1);
  }, 60_000);

  it('is restored by the commands of its manifest, with its rows', async () => {
    const artefact = await backUp(part({ tables: ['shop:orders'] }));
    await using empty = await TestPostgres.start();
    const { host, port, user, password = '' } = empty.address();
    execFileSync('sh', ['-e', '-c', artefact.manifest.restore.join('\n')], {
      cwd: dirname(artefact.path),
      env: {
        PATH: '/usr/bin:/bin',
        PGHOST: host,
        PGPORT: String(port),
        PGUSER: user,
        PGPASSWORD: password,
        TMPDIR: folder.path,
      },
      stdio: 'pipe',
    });
    const sql = `SELECT count(*)::int AS n, sum(number)::int AS sum FROM orders`;
    await using original = await server.client('shop');
    await using copy = await connect(
      { ...empty.address(), password: server.password, database: 'shop' },
      { applicationName: 'test' },
    );
    expect((await copy.query(sql)).rows).toEqual((await original.query(sql)).rows);
    // The next row takes the next number.
    expect((await copy.query(`INSERT INTO orders (state) VALUES ('open') RETURNING id, number`)).rows).toEqual([
      { id: '11', number: 110 },
    ]);
  }, 60_000);

  it('that names what there is not is refused whole, before anything is written', async () => {
    const job = part(
      { databases: ['shop', 'crn'], tables: ['public.ordres', 'orders', '"Orders"'] },
      { tables: ['audit.lgo'], schemas: ['gone_*'] },
    );
    const failure = backUp(job);
    await expect(failure).rejects.toMatchObject({ code: 'PARTS_UNMATCHED', class: 'operator' });
    await expect(failure).rejects.toThrow(/database crn.*|table public\.ordres.*/);
    const message = await failure.catch((error: Error) => error.message);
    for (const what of ['database crn', 'table public.ordres', 'table "Orders"', 'table audit.lgo']) {
      expect(message).toContain(what);
    }
    expect(message).not.toContain('table orders');
    expect(message).not.toContain('gone_');
    expect(execFileSync('find', [join(folder.path), '-type', 'f']).toString()).toBe('');
  });

  it('that nothing is left of is refused', async () => {
    await expect(backUp(part(undefined, { databases: ['*'] }))).rejects.toThrow(/everything is left out/);
  });

  it('with a pattern that the server does not understand is refused with its words', async () => {
    await expect(backUp(part({ tables: ['shop:x{300}'] }))).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
  });
});

describe('a lock that is waited for too long', () => {
  async function failureWhile(database = 'shop'): Promise<Error> {
    const job = part({ databases: [database] });
    job.config.lockWaitSeconds = 1;
    const failure = await backUp(job).then(
      () => undefined,
      (error: Error) => error,
    );
    expect(failure).toMatchObject({ code: 'TARGET_LOCKED' });
    await using look = await server.client();
    const sessions = 'SELECT FROM pg_stat_activity WHERE application_name = $1';
    expect((await look.query(sessions, [sessionName(job.runId, job.epoch)])).rowCount).toBe(0);
    return failure ?? new Error();
  }

  const pidOf = async (client: TargetClient) =>
    (await client.query<{ pid: number }>('SELECT pg_backend_pid() AS pid')).rows[0]?.pid;

  it('names who has it, since when and by what, but nothing that a statement says', async () => {
    await using blocker = await server.client('shop');
    const pid = await pidOf(blocker);
    await blocker.query(`SET application_name = 'night job'`);
    await blocker.query('BEGIN');
    await blocker.query('-- secret\n/* secret */ LOCK TABLE orders IN ACCESS EXCLUSIVE MODE /* secret */');
    const { message } = await failureWhile();
    expect(message).toContain(`process ${pid} has public.orders for itself (user postgres, application night job`);
    expect(message).toMatch(/since 20\d\d-\d\d-\d\dT[\d:]+Z, idle in transaction, LOCK TABLE\)/);
    expect(message).not.toContain('secret');
  });

  it('names who waits for it, and behind whom', async () => {
    await using reader = await server.client('shop');
    await reader.query('BEGIN; SELECT FROM orders LIMIT 1');
    await using waiting = await server.client('shop');
    const pid = await pidOf(waiting);
    const altering = waiting.query('ALTER TABLE orders ADD wrong int').catch(() => undefined);
    await eventually(async () => {
      const { rowCount } = await reader.query('SELECT FROM pg_locks WHERE NOT granted AND pid = $1', [pid]);
      expect(rowCount).toBe(1);
    });
    const { message } = await failureWhile();
    expect(message).toContain(`process ${pid} waits to have public.orders for itself`);
    expect(message).toContain(`ALTER TABLE, behind process ${await pidOf(reader)})`);
    await waiting.end();
    await altering;
  });

  it('names a prepared transaction', async () => {
    await using client = await server.client('crm');
    await client.query(`BEGIN; LOCK TABLE contacts IN ACCESS EXCLUSIVE MODE; PREPARE TRANSACTION 'left over'`);
    try {
      expect((await failureWhile('crm')).message).toContain('the prepared transaction "left over" has public.contacts');
    } finally {
      await client.query(`ROLLBACK PREPARED 'left over'`);
    }
  });
});
