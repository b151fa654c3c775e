import { randomBytes } from 'node:crypto';
import { HOSTILE_NAMES, type TestPostgres } from '@hozen/testkit';
import { noiseMb, type Content, type LargeCase } from '../subject.js';

/** Replaces every database and role of the server. */
export async function fillPostgres(
  server: TestPostgres,
  content: Content,
  names: readonly string[] = HOSTILE_NAMES,
): Promise<void> {
  await clear(server);
  if (content === 'normal') await normal(server);
  await noise(server, noiseMb(content) ?? 0);
  if (content === 'hostile') for (const name of names) await hostile(server, name);
}

async function clear(server: TestPostgres): Promise<void> {
  await using admin = await server.client();
  const { rows: databases } = await admin.query<{ name: string }>(
    `SELECT datname AS name FROM pg_database WHERE NOT datistemplate AND datname <> 'postgres'`,
  );
  for (const { name } of databases) await admin.query(`DROP DATABASE ${admin.escapeIdentifier(name)} WITH (FORCE)`);
  const { rows: roles } = await admin.query<{ name: string }>(
    `SELECT rolname AS name FROM pg_roles WHERE NOT rolsuper AND rolname !~ '^pg_'`,
  );
  for (const { name } of roles) await admin.query(`DROP ROLE ${admin.escapeIdentifier(name)}`);
}

async function normal(server: TestPostgres): Promise<void> {
  {
    await using admin = await server.client();
    await admin.query('CREATE ROLE clerk');
  }
  await server.createDatabase('shop');
  await using shop = await server.client('shop');
  await shop.query(`
    CREATE TABLE customers (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text NOT NULL, photo bytea);
    CREATE TABLE orders (id bigint PRIMARY KEY, customer_id bigint REFERENCES customers, note text, at timestamptz);
    ALTER TABLE orders OWNER TO clerk;
    INSERT INTO customers (name, photo) SELECT '客 ' || n, decode(md5(n::text), 'hex') FROM generate_series(1, 500) AS n;
    INSERT INTO orders SELECT n, 1 + n % 500, nullif(repeat('x', n % 80), ''), '2026-01-01'::timestamptz + n * interval '1 minute'
      FROM generate_series(1, 20000) AS n;
    SELECT lo_from_bytea(0, decode(repeat('ab', 5000), 'hex'));`);
}

async function noise(server: TestPostgres, megabytes: number): Promise<void> {
  if (megabytes === 0) return;
  await server.createDatabase('bulk');
  await using client = await server.client('bulk');
  await client.query('CREATE TABLE noise (n int PRIMARY KEY, bytes bytea)');
  await client.query('ALTER TABLE noise ALTER bytes SET STORAGE EXTERNAL');
  for (let n = 0; n < megabytes; n++) await client.query('INSERT INTO noise VALUES ($1, $2)', [n, randomBytes(1e6)]);
}

async function hostile(server: TestPostgres, name: string): Promise<void> {
  await using admin = await server.client();
  const quoted = admin.escapeIdentifier(name);
  await admin.query(`CREATE ROLE ${quoted}`);
  await admin.query(`CREATE DATABASE ${quoted} OWNER ${quoted}`);
  await using client = await server.client(name);
  await client.query(`CREATE SCHEMA ${quoted} AUTHORIZATION ${quoted}`);
  await client.query(`CREATE TABLE ${quoted}.${quoted} (${quoted} text PRIMARY KEY)`);
  await client.query(`INSERT INTO ${quoted}.${quoted} VALUES ($1), (E'tab\\t\\n\\\\.')`, [name]);
}

/** One database that has nothing but the case. */
async function only(server: TestPostgres, statements: readonly string[]): Promise<void> {
  await clear(server);
  await server.createDatabase('large');
  await using client = await server.client('large');
  for (const statement of statements) await client.query(statement);
}

export const LARGE_POSTGRES: readonly LargeCase[] = [
  { what: 'tables', count: 10_000 },
  { what: 'large objects', count: 100_000 },
  { what: 'MB in one row', count: 500 },
];

/** Replaces everything by so many of one of the large cases. */
export function growPostgres(server: TestPostgres, what: string, count: number): Promise<void> {
  if (what === 'MB in one row') return only(server, hugeRow(count));
  const step = what === 'tables' ? TABLES : OBJECTS;
  const batches = Array.from({ length: Math.ceil(count / BATCH) }, (_, n) => n * BATCH + 1);
  return only(
    server,
    batches.map((first) => step(first, Math.min(count, first + BATCH - 1))),
  );
}

/** A transaction holds a lock for each. */
const BATCH = 1000;

const TABLES = (first: number, last: number) => `
  DO $$ BEGIN
    FOR n IN ${first} .. ${last} LOOP
      EXECUTE format('CREATE TABLE t_%s (id int PRIMARY KEY, v text); INSERT INTO t_%1$s VALUES (1, %1$L), (2, null)', n);
    END LOOP;
  END $$`;

const OBJECTS = (first: number, last: number) => `
  SELECT count(lo_from_bytea(0, convert_to(repeat(n::text, 40), 'UTF8'))) FROM generate_series(${first}, ${last}) AS n`;

function hugeRow(megabytes: number): string[] {
  return [
    'CREATE TABLE huge (id int, bytes bytea); ALTER TABLE huge ALTER bytes SET STORAGE EXTERNAL',
    `INSERT INTO huge SELECT 1, string_agg(sha512(convert_to(n::text, 'UTF8')), '')
       FROM generate_series(1, ${megabytes * 15_625}) AS n`,
  ];
}
