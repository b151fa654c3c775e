import { HozenError, wholeName, type NamePattern } from '@hozen/contracts';
import { asTargetError, type TargetClient } from '@hozen/dbms';

/** SQLSTATE invalid_regular_expression. */
const NO_EXPRESSION = '2201B';

const IS_OWN = `n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'`;

const DATABASES = `
SELECT p.at::int AS "at", d.datname::text AS "found"
FROM unnest($1::int[], $2::text[], $3::text[]) AS p(at, schema, name)
JOIN pg_database d ON d.datname::text OPERATOR(pg_catalog.~) (p.name COLLATE pg_catalog."default")`;

const SCHEMAS = `
SELECT p.at::int AS "at", n.nspname::text AS "found"
FROM unnest($1::int[], $2::text[], $3::text[]) AS p(at, schema, name)
JOIN pg_namespace n ON n.nspname::text OPERATOR(pg_catalog.~) (p.name COLLATE pg_catalog."default")
WHERE ${IS_OWN}`;

/** As pg_dump: without a schema, those that the login sees. */
const TABLES = `
SELECT p.at::int AS "at", c.oid::text AS "found"
FROM unnest($1::int[], $2::text[], $3::text[]) AS p(at, schema, name)
JOIN pg_class c ON c.relname::text OPERATOR(pg_catalog.~) (p.name COLLATE pg_catalog."default")
JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE ${IS_OWN} AND c.relkind IN ('r', 'p', 'v', 'm', 'S', 'f') AND c.relpersistence <> 't'
  AND CASE WHEN p.schema IS NULL THEN pg_table_is_visible(c.oid)
           ELSE n.nspname::text OPERATOR(pg_catalog.~) (p.schema COLLATE pg_catalog."default") END`;

const QUERIES = { database: DATABASES, schema: SCHEMAS, table: TABLES } as const;

/**
 * What patterns of one kind match: names of databases or schemas, OIDs of tables. The session must have the search path that
 * it began with.
 * @throws HozenError CONFIG_INVALID for what is no regular expression, and of the TARGET_ codes
 */
export async function matchPatterns(
  client: TargetClient,
  patterns: readonly NamePattern[],
): Promise<Map<NamePattern, string[]>> {
  const found = new Map(patterns.map((pattern) => [pattern, [] as string[]]));
  const [first] = patterns;
  if (!first) return found;
  const parameters = [
    patterns.map((_, at) => at),
    patterns.map(({ schema }) => (schema === undefined ? null : wholeName(schema))),
    patterns.map(({ name }) => wholeName(name)),
  ];
  try {
    const { rows } = await client.query<{ at: number; found: string }>(QUERIES[first.kind], parameters);
    for (const row of rows) {
      const pattern = patterns[row.at];
      if (pattern) found.get(pattern)?.push(row.found);
    }
    return found;
  } catch (error) {
    if (!(error instanceof Error) || !('code' in error) || error.code !== NO_EXPRESSION) {
      throw asTargetError(error, client.address);
    }
    throw new HozenError('CONFIG_INVALID', {}, { detail: `include, exclude: ${error.message}`, cause: error });
  }
}
