/**
 * What pg_dump would lock: tables and partitioned tables outside of the system's schemas. Sizes count the table and its
 * TOAST, not its indexes, since only these are dumped. With the sequences that a table owns, because pg_dump --table
 * would dump those along with it.
 */
export const TABLES = `
SELECT
  n.nspname AS "schema",
  c.relname AS "name",
  c.relkind = 'r' AS "hasData",
  CASE WHEN c.relkind = 'r' THEN coalesce(pg_table_size(c.oid), 0)::float8 ELSE 0 END AS "bytes",
  coalesce((
    SELECT json_agg(json_build_object('schema', sn.nspname, 'name', s.relname))
    FROM pg_depend d
    JOIN pg_class s ON s.oid = d.objid AND s.relkind = 'S'
    JOIN pg_namespace sn ON sn.oid = s.relnamespace
    WHERE d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_class'::regclass AND d.refobjid = c.oid
      AND d.deptype IN ('a', 'i')), '[]') AS "sequences"
FROM pg_class c
JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p') AND c.relpersistence <> 't'
  AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'`;

/** Before version 17 there is no transaction_timeout; an unknown setting would fail. */
export function sessionSettings(versionNum: number, lockWaitSeconds: number): string {
  return [
    'SET statement_timeout = 0',
    'SET idle_in_transaction_session_timeout = 0',
    ...(versionNum >= 170_000 ? ['SET transaction_timeout = 0'] : []),
    // A database may say otherwise, and the sizes below must not wait behind a row of parallel workers.
    'SET max_parallel_workers_per_gather = 0',
    // Compiling a query over thousands of tables takes longer than running it.
    'SET jit = off',
    `SET lock_timeout = ${lockWaitSeconds * 1000}`,
  ].join('; ');
}
