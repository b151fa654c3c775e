import { randomBytes } from 'node:crypto';
import type { MariadbClient } from '@hozen/dbms';
import { HOSTILE_NAMES } from '@hozen/testkit';
import { noiseMb, type Content, type LargeCase } from '../subject.js';

export const LARGE_MARIADB: readonly LargeCase[] = [
  { what: 'tables', count: 10_000 },
  { what: 'MB in one row', count: 300 },
];

/** Replaces every database of the server. */
export async function fillMariadb(
  client: MariadbClient,
  content: Content,
  names: readonly string[] = HOSTILE_NAMES,
): Promise<void> {
  await clear(client);
  if (content === 'normal') await normal(client);
  await noise(client, noiseMb(content) ?? 0);
  if (content === 'hostile') for (const name of names) await hostile(client, name);
}

/** Replaces everything by so many of one of the large cases. */
export async function growMariadb(client: MariadbClient, what: string, count: number): Promise<void> {
  await clear(client);
  await client.query('CREATE DATABASE large');
  if (what === 'tables') {
    for (let n = 1; n <= count; n++) {
      await client.query(`CREATE TABLE large.t_${n} (id INT PRIMARY KEY, v TEXT)`);
      await client.query(`INSERT INTO large.t_${n} VALUES (1, '${n}'), (2, NULL)`);
    }
    return;
  }
  await client.query('CREATE TABLE large.huge (id INT PRIMARY KEY, bytes LONGBLOB)');
  await client.query(`INSERT INTO large.huge VALUES (1, '')`);
  // Every byte value is in it, so that it grows where it is escaped.
  const megabyte = client.literal(randomBytes(500_000).toString('hex'));
  await client.query(`UPDATE large.huge SET bytes = repeat(concat(unhex(${megabyte}), ${megabyte}), ?)`, [
    Math.ceil((count * 2) / 3),
  ]);
}

async function clear(client: MariadbClient): Promise<void> {
  const databases = await client.query<{ name: string }>(
    `SELECT schema_name AS name FROM information_schema.schemata
      WHERE schema_name NOT IN ('mysql', 'sys', 'information_schema', 'performance_schema')`,
  );
  for (const { name } of databases) await client.query(`DROP DATABASE ${client.name(name)}`);
}

/** MariaDB's tables of numbers are unknown to MySQL. */
const DIGITS = Array.from({ length: 10 }, (_, digit) => `SELECT ${digit} AS n`).join(' UNION ALL ');

async function normal(client: MariadbClient): Promise<void> {
  for (const statement of [
    'CREATE DATABASE shop CHARACTER SET utf8mb4',
    'CREATE TABLE shop.orders (id INT PRIMARY KEY, note TEXT, at DATETIME(6), photo BLOB)',
    `INSERT INTO shop.orders
       SELECT seq, if(seq % 7, concat('注文 ', seq), NULL), '2026-01-01 10:00:00.000001', unhex(sha2(seq, 224))
         FROM (SELECT 1 + a.n + 10 * b.n + 100 * c.n + 1000 * d.n AS seq FROM ${['a', 'b', 'c', 'd'].map((each) => `(${DIGITS}) AS ${each}`).join(', ')}) AS numbers`,
    'CREATE TABLE shop.seen (id INT)',
    'CREATE TRIGGER shop.after_orders AFTER INSERT ON shop.orders FOR EACH ROW INSERT INTO shop.seen VALUES (NEW.id)',
    `INSERT INTO shop.orders VALUES (0, 'by trigger', NULL, NULL)`,
  ]) {
    await client.query(statement);
  }
}

async function noise(client: MariadbClient, megabytes: number): Promise<void> {
  if (megabytes === 0) return;
  await client.query('CREATE DATABASE bulk');
  await client.query('CREATE TABLE bulk.noise (n INT PRIMARY KEY, bytes LONGBLOB)');
  for (let n = 0; n < megabytes; n++) await client.query('INSERT INTO bulk.noise VALUES (?, ?)', [n, randomBytes(1e6)]);
}

async function hostile(client: MariadbClient, hostileName: string): Promise<void> {
  // A name of a database or table ends with no space.
  const name = hostileName.trim();
  const table = `${client.name(name)}.${client.name(name)}`;
  await client.query(`CREATE DATABASE ${client.name(name)}`);
  await client.query(`CREATE TABLE ${table} (${client.name(name)} VARCHAR(100) PRIMARY KEY)`);
  await client.query(`INSERT INTO ${table} VALUES (?), ('tab\\t\\n\\\\.')`, [name]);
}
