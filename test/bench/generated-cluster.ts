import { TestPostgres } from '@hozen/testkit';

/** A server with {@link generateCluster} on it, and memory as people give theirs. */
export async function generatedServer(gigabytes: string, settings: Record<string, string> = {}): Promise<TestPostgres> {
  const server = await TestPostgres.start({ settings: { shared_buffers: '512MB', max_wal_size: '8GB', ...settings } });
  try {
    await generateCluster(server, Number(gigabytes));
    return server;
  } catch (error) {
    await server[Symbol.asyncDispose]();
    throw error;
  }
}

/**
 * Fills two databases like those that people have: a few large tables of narrow rows, JSON, texts and binary data, many
 * small tables, indexes. About `gigabytes` as plain SQL.
 */
async function generateCluster(postgres: TestPostgres, gigabytes: number): Promise<void> {
  const scale = Math.max(1, Math.round(gigabytes * 100));
  for (const database of ['shop', 'archive']) {
    await postgres.createDatabase(database);
    await using client = await postgres.client(database);
    for (const statement of database === 'shop' ? shop(scale) : archive(scale)) await client.query(statement);
    await client.query('VACUUM ANALYZE');
  }
}

function shop(scale: number): string[] {
  return [
    `CREATE TABLE accounts (id int PRIMARY KEY, branch int, balance int, filler char(84))`,
    `INSERT INTO accounts SELECT n, n % 50, (n::bigint * 7919 % 100000)::int, '' FROM generate_series(1, ${scale * 40_000}) AS n`,
    `CREATE TABLE events (id bigint PRIMARY KEY, at timestamptz, kind text, body jsonb)`,
    `INSERT INTO events
       SELECT n, '2026-01-01'::timestamptz + n * interval '1 second', 'kind ' || n % 40,
              jsonb_build_object('user', n % 5000, 'path', '/item/' || md5(n::text), 'ok', n % 3 = 0, 'ms', n % 977)
         FROM generate_series(1, ${scale * 14_000}) AS n`,
    `CREATE INDEX ON events (at)`,
    ...Array.from(
      { length: 100 },
      (_, n) => `CREATE TABLE small_${n} AS SELECT g AS id, 'row ' || g AS t FROM generate_series(1, 200) AS g`,
    ),
  ];
}

function archive(scale: number): string[] {
  return [
    `CREATE TABLE documents (id int PRIMARY KEY, title text, body text)`,
    `INSERT INTO documents
       SELECT n, 'Document ' || n, string_agg(md5(n::text || i) || ' lorem ipsum dolor sit amet ', '')
         FROM generate_series(1, ${scale * 4_000}) AS n, generate_series(1, 12) AS i GROUP BY n`,
    `CREATE TABLE pictures (id int PRIMARY KEY, data bytea)`,
    `INSERT INTO pictures
       SELECT n, decode(string_agg(md5(n::text || g), ''), 'hex') FROM generate_series(1, ${scale * 80}) AS n,
              generate_series(1, 400) AS g GROUP BY n`,
  ];
}
