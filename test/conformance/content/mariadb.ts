import type { MariadbClient } from '@hozen/dbms';

const OWN = `('mysql', 'sys', 'information_schema', 'performance_schema')`;

/** So many tables in one statement. */
const AT_ONCE = 50;

/** Every row of every table of every database: one line each, whatever order the rows have. */
export async function mariadbContent(client: MariadbClient): Promise<string[]> {
  const databases = await client.query<{ name: string }>(
    `SELECT schema_name AS name FROM information_schema.schemata WHERE schema_name NOT IN ${OWN} ORDER BY BINARY schema_name`,
  );
  const columns = await client.query<{ database: string; table: string; column: string }>(
    `SELECT table_schema AS \`database\`, table_name AS \`table\`, column_name AS \`column\` FROM information_schema.columns
      WHERE table_schema NOT IN ${OWN} ORDER BY BINARY table_schema, BINARY table_name, ordinal_position`,
  );
  const tables = new Map<string, string[]>();
  for (const { database, table, column } of columns) {
    const name = `${client.name(database)}.${client.name(table)}`;
    tables.set(name, [...(tables.get(name) ?? []), `coalesce(sha2(${client.name(column)}, 224), '-')`]);
  }
  const lines = databases.map(({ name }) => `database ${name}`);
  const all = [...tables];
  for (let at = 0; at < all.length; at += AT_ONCE) {
    const batch = all.slice(at, at + AT_ONCE);
    const statements = batch.map(
      ([name, sums], place) =>
        `SELECT ${place} AS place, count(*) AS \`rows\`,
                coalesce(sum(conv(left(sha2(concat_ws(',', ${sums.join(', ')}), 224), 12), 16, 10)), 0) AS sum FROM ${name}`,
    );
    const rows = await client.query<{ rows: string; sum: string }>(`${statements.join(' UNION ALL ')} ORDER BY place`);
    lines.push(...rows.map(({ rows: count, sum }, place) => `${batch[place]?.[0]}: ${count} rows, ${sum}`));
  }
  return lines;
}
