import { eventually, TestPostgres } from '@hozen/testkit';

/** A small but real cluster to back up: two databases, a role, keys, a large object, names that need quoting. */
export async function sampleTarget(): Promise<TestPostgres> {
  const postgres = await TestPostgres.start();
  try {
    await fill(postgres);
    return postgres;
  } catch (error) {
    await postgres[Symbol.asyncDispose]();
    throw error;
  }
}

async function fill(postgres: TestPostgres): Promise<void> {
  await using admin = await postgres.client();
  await admin.query(`CREATE ROLE clerk LOGIN PASSWORD 'not-so-secret'`);
  await admin.query(`CREATE DATABASE shop OWNER clerk`);
  await admin.query(`CREATE DATABASE "odd ""name"" 倉庫"`);
  await using shop = await postgres.client('shop');
  await shop.query(`
    CREATE TABLE customers (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text NOT NULL);
    CREATE TABLE orders (id bigint PRIMARY KEY, customer_id bigint REFERENCES customers, note text, at timestamptz);
    INSERT INTO customers (name) SELECT '客 ' || n FROM generate_series(1, 500) AS n;
    INSERT INTO orders SELECT n, 1 + n % 500, repeat('x', n % 80), '2026-01-01'::timestamptz + n * interval '1 minute'
      FROM generate_series(1, 20000) AS n;
    SELECT lo_from_bytea(0, decode(repeat('ab', 5000), 'hex'));`);
  await using odd = await postgres.client('odd "name" 倉庫');
  await odd.query(`CREATE TABLE "-t" ("a b" int, "c
d" text); INSERT INTO "-t" VALUES (1, E'tab\\tnewline\\n');`);
}

/** A target and a config of the sample, as `backups.yaml` would have them. */
export function sampleConfiguration(postgres: TestPostgres, storagePath: string, config: object = {}): object {
  const { host, port, user } = postgres.address();
  return {
    targets: [
      {
        name: 'sample',
        kind: 'postgres',
        host,
        port,
        user,
        sslMode: 'disable',
        password: 'env:SAMPLE_PASSWORD',
      },
    ],
    configs: [{ name: 'nightly', target: 'sample', storage: { kind: 'file', path: storagePath }, ...config }],
  };
}

/** Returns when a session of a backup waits for a lock that the test holds. */
export async function waitingForALock(postgres: TestPostgres): Promise<void> {
  // Not the connection that holds the lock: inside its transaction the list of sessions stays as it was first seen.
  await using observer = await postgres.client();
  await eventually(
    async () => {
      const { rowCount } = await observer.query(
        `SELECT FROM pg_stat_activity WHERE application_name LIKE 'hozen/%' AND wait_event_type = 'Lock'`,
      );
      if (rowCount === 0) throw new Error('no session of a backup waits for a lock');
    },
    { within: 30_000 },
  );
}
