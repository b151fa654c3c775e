export interface TableName {
  schema: string;
  name: string;
}

export interface TableFacts extends TableName {
  oid: number;
  /** false: a partitioned table, whose rows are in its partitions. */
  hasData: boolean;
  unlogged: boolean;
  /** With TOAST, without indexes. */
  bytes: number;
}

/** What pg_dump would lock: tables and partitioned tables outside of the system's schemas. */
const LOCKED = `
FROM pg_class c
JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p') AND c.relpersistence <> 't'
  AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'`;

/** Waits for nobody: to ask for the size of a table takes a lock on it. */
export const TABLE_NAMES = `SELECT n.nspname AS "schema", c.relname AS "name" ${LOCKED}`;

/**
 * The same tables, to be asked for once they are locked. Sizes count the table and its TOAST, not its indexes, since only these
 * are dumped.
 */
export const TABLES = `
SELECT
  c.oid AS "oid",
  n.nspname AS "schema",
  c.relname AS "name",
  c.relkind = 'r' AS "hasData",
  c.relpersistence = 'u' AS "unlogged",
  CASE WHEN c.relkind = 'r' THEN coalesce(pg_table_size(c.oid), 0)::float8 ELSE 0 END AS "bytes"
${LOCKED}`;

/**
 * The columns of tables as pg_dump copies them: generated ones are computed again. Tables of extensions are left to
 * pg_dump, which knows which of their rows are the user's.
 */
export const COLUMNS = `
SELECT a.attrelid AS "oid", string_agg(quote_ident(a.attname), ', ' ORDER BY a.attnum) AS "columns"
FROM pg_attribute a
WHERE a.attrelid = ANY ($1::oid[]) AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
  AND NOT EXISTS (SELECT FROM pg_depend d
                   WHERE d.classid = 'pg_class'::regclass AND d.objid = a.attrelid AND d.deptype = 'e')
GROUP BY a.attrelid`;

/**
 * What makes the text of a value the same on every server: pg_dump's own settings, and those that it leaves to the
 * server although the text depends on them.
 */
export function textSettings(encoding: string): string {
  return [
    `SET client_encoding = '${encoding}'`,
    `SET DateStyle = ISO`,
    `SET IntervalStyle = postgres`,
    `SET TimeZone = 'UTC'`,
    'SET extra_float_digits = 3',
    'SET bytea_output = hex',
    'SET xmloption = content',
    'SET row_security = off',
    'SET synchronize_seqscans = off',
    `SET search_path = ''`,
  ].join('; ');
}

/** Of a session that reads for a dump, whatever the server, its databases and roles say. */
export function sessionSettings(lockWaitSeconds: number): string[] {
  return [
    'SET statement_timeout = 0',
    'SET idle_in_transaction_session_timeout = 0',
    // Before version 17 there is none, and an unknown setting would fail.
    `SELECT set_config('transaction_timeout', '0', false) WHERE current_setting('transaction_timeout', true) IS NOT NULL`,
    // A database may say otherwise, and the sizes below must not wait behind a row of parallel workers.
    'SET max_parallel_workers_per_gather = 0',
    // Compiling a query over thousands of tables takes longer than running it.
    'SET jit = off',
    `SET lock_timeout = ${lockWaitSeconds * 1000}`,
  ];
}
