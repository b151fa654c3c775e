import type { TargetClient } from '@hozen/dbms';

const TABLES = `
  SELECT quote_ident(nspname) || '.' || quote_ident(relname) AS name,
         array_agg('md5(' || quote_ident(attname) || CASE atttypid WHEN 'bytea'::regtype THEN ')' ELSE '::text)' END
                   ORDER BY attnum) FILTER (WHERE attnum > 0 AND NOT attisdropped) AS sums
    FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = relnamespace LEFT JOIN pg_attribute AS a ON attrelid = c.oid
   WHERE relkind = 'r' AND nspname NOT IN ('pg_catalog', 'information_schema')
   GROUP BY nspname, relname ORDER BY nspname, relname`;

const LARGE_OBJECTS = `
  SELECT count(*) AS rows, coalesce(sum(('x' || left(md5(lo_get(oid)), 15))::bit(60)::bigint), 0) AS sum
    FROM pg_largeobject_metadata`;

/** So many tables in one statement. */
const AT_ONCE = 100;

/** Every row of every table of every database, and the roles: one line each, whatever order the rows have. */
export async function postgresContent(connectTo: (database?: string) => Promise<TargetClient>): Promise<string[]> {
  await using admin = await connectTo();
  const { rows: roles } = await admin.query<{ name: string }>(
    `SELECT rolname AS name FROM pg_roles WHERE rolname !~ '^pg_' ORDER BY 1`,
  );
  const { rows: databases } = await admin.query<{ name: string }>(
    `SELECT datname AS name FROM pg_database WHERE NOT datistemplate AND datname <> 'postgres' ORDER BY datname COLLATE "C"`,
  );
  const lines = roles.map(({ name }) => `role ${name}`);
  for (const { name } of databases) {
    await using client = await connectTo(name);
    lines.push(`database ${name}`, ...(await databaseContent(client)));
  }
  return lines;
}

async function databaseContent(client: TargetClient): Promise<string[]> {
  const { rows: tables } = await client.query<{ name: string; sums: string[] }>(TABLES);
  const lines: string[] = [];
  for (let at = 0; at < tables.length; at += AT_ONCE) {
    const statements = tables.slice(at, at + AT_ONCE).map(
      ({ name, sums }, index) =>
        `SELECT ${index} AS place, count(*) AS rows,
                coalesce(sum(('x' || left(md5(concat_ws(',', ${sums.map((each) => `coalesce(${each}, '-')`).join(', ')})), 15))::bit(60)::bigint), 0) AS sum
           FROM ${name}`,
    );
    const { rows } = await client.query<{ rows: string; sum: string }>(`${statements.join(' UNION ALL ')} ORDER BY 1`);
    lines.push(...rows.map((row, index) => `${tables[at + index]?.name}: ${row.rows} rows, ${row.sum}`));
  }
  const { rows: objects } = await client.query<{ rows: string; sum: string }>(LARGE_OBJECTS);
  return [...lines, `large objects: ${objects[0]?.rows}, ${objects[0]?.sum}`];
}
