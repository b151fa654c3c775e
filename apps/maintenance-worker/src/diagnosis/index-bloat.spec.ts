import { TestPostgres } from '@hozen/testkit';
import { expect, it } from 'vitest';
import { indexes } from './database.sql.js';
import { estimatedBloat, type IndexSize } from './index-bloat.js';

it('finds a fresh index full and a thinned-out one empty, whatever it is over', async () => {
  await using server = await TestPostgres.start({ settings: { autovacuum: false } });
  await using client = await server.client();
  await client.query(`CREATE TABLE t (a integer, b text, c uuid, d integer)`);
  await client.query(
    `INSERT INTO t SELECT n, md5(n::text), gen_random_uuid(), n % 10 FROM generate_series(1, 60000) AS n`,
  );
  await client.query(`CREATE INDEX on_a ON t (a); CREATE INDEX on_b ON t (b); CREATE INDEX on_ca ON t (c, a);
    CREATE INDEX on_d ON t (d); CREATE INDEX partial ON t (a) WHERE d = 1; CREATE INDEX expression ON t (upper(b))`);
  await client.query('VACUUM ANALYZE t');
  const bloat = async () => {
    const { rows } = await client.query<IndexSize & { name: string }>(indexes(15), [0]);
    return Object.fromEntries(rows.map((row) => [row.name, estimatedBloat(row)]));
  };
  const fresh = await bloat();
  expect(fresh).toMatchObject({ partial: undefined, expression: undefined, on_d: 0 });
  for (const name of ['on_a', 'on_b', 'on_ca']) expect(fresh[name], name).toBeLessThan(15);
  await client.query('DELETE FROM t WHERE a % 10 <> 0');
  await client.query('VACUUM ANALYZE t');
  const thinned = await bloat();
  for (const name of ['on_a', 'on_b', 'on_ca']) expect(thinned[name], name).toBeGreaterThan(75);
});
