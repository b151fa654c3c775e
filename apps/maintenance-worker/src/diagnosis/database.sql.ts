/** Ours to look after: no system schemas but the catalogue itself, no other sessions' temporary tables. */
const SCHEMAS = `n.nspname <> 'information_schema' AND n.nspname !~ '^pg_(toast|temp_)'`;

/**
 * All tables by what the statistics say; nothing is read and nothing is locked (pg_table_size would wait for a lock).
 * VACUUM passes over what it may not touch with nothing but a warning, hence `maintainable`: the owner, the database's
 * owner except for shared catalogues, since 17 whoever has MAINTAIN.
 */
export function tables(major: number): string {
  const granted = major >= 17 ? ` OR has_table_privilege(c.oid, 'MAINTAIN')` : '';
  return `
  SELECT c.oid, n.nspname AS schema, c.relname AS name,
         CASE c.relkind WHEN 'r' THEN 'table' WHEN 'm' THEN 'materialized view' ELSE 'partitioned table' END AS kind,
         n.nspname = 'pg_catalog' AS "isCatalog",
         c.relpages::double precision * current_setting('block_size')::integer AS bytes,
         greatest(c.reltuples, s.n_live_tup, 0)::double precision AS rows,
         coalesce(s.n_dead_tup, 0)::double precision AS "deadRows",
         coalesce(s.n_mod_since_analyze, 0)::double precision AS "changedSinceAnalyze",
         coalesce(s.last_analyze, s.last_autoanalyze) IS NOT NULL AS "everAnalyzed",
         CASE WHEN c.relkind = 'p' THEN 0 ELSE age(c.relfrozenxid) END AS "transactionAge",
         (pg_has_role(c.relowner, 'USAGE') OR (pg_has_role(d.datdba, 'USAGE') AND NOT c.relisshared)${granted})
           AS maintainable
    FROM pg_class AS c
    JOIN pg_namespace AS n ON n.oid = c.relnamespace
    JOIN pg_database AS d ON d.datname = current_database()
    LEFT JOIN pg_stat_all_tables AS s ON s.relid = c.oid
   WHERE c.relkind IN ('r', 'm', 'p') AND ${SCHEMAS}
   ORDER BY n.nspname, c.relname`;
}

/** What says that somebody is building on a table: REINDEX and CREATE INDEX, with and without CONCURRENTLY. */
const BUILDERS = `
  ARRAY(SELECT DISTINCT l.pid FROM pg_locks AS l LEFT JOIN pg_stat_activity AS a ON a.pid = l.pid
         WHERE l.locktype = 'relation' AND l.relation = i.indrelid AND l.granted AND l.pid <> pg_backend_pid()
           AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
           AND l.mode IN ('ShareUpdateExclusiveLock', 'ShareLock', 'AccessExclusiveLock')
           AND a.backend_type IS DISTINCT FROM 'autovacuum worker')`;

/**
 * Indexes that are not valid, and B-trees of at least $1 bytes with what their size can be estimated from. Partial and
 * expression indexes have no statistics that would do: `columnsKnown` is false for them.
 */
export function indexes(major: number): string {
  const granted = major >= 17 ? ` OR has_table_privilege(i.indrelid, 'MAINTAIN')` : '';
  return `
  SELECT c.oid, n.nspname AS schema, c.relname AS name, i.indrelid AS "tableOid", t.relname AS table,
         c.relpages::double precision * current_setting('block_size')::integer AS bytes,
         (i.indisvalid AND i.indisready AND i.indislive) AS valid,
         CASE WHEN c.relkind = 'I' THEN 'partitioned index' WHEN i.indisexclusion THEN 'exclusion constraint'
              ELSE 'index' END AS kind,
         ARRAY(SELECT sibling.relname::text FROM pg_index AS other JOIN pg_class AS sibling ON sibling.oid = other.indexrelid
                WHERE other.indrelid = i.indrelid AND other.indexrelid <> i.indexrelid) AS siblings,
         ${BUILDERS} AS builders,
         (pg_has_role(t.relowner, 'USAGE')${granted}) AS maintainable,
         current_setting('block_size')::integer AS "blockSize",
         c.relpages AS pages, greatest(c.reltuples, 0)::double precision AS entries,
         coalesce((SELECT substr(o, 12)::integer FROM unnest(c.reloptions) AS o WHERE o LIKE 'fillfactor=%'), 90)
           AS "fillFactor",
         keys.width::double precision AS "keyWidth",
         (m.amname = 'btree' AND i.indpred IS NULL AND i.indexprs IS NULL AND keys.known) AS "columnsKnown"
    FROM pg_index AS i
    JOIN pg_class AS c ON c.oid = i.indexrelid
    JOIN pg_class AS t ON t.oid = i.indrelid
    JOIN pg_namespace AS n ON n.oid = c.relnamespace
    JOIN pg_am AS m ON m.oid = c.relam
    CROSS JOIN LATERAL (
      SELECT coalesce(sum(s.avg_width * (1 - s.null_frac)), 0) AS width, coalesce(bool_and(s.avg_width IS NOT NULL), false) AS known
        FROM unnest(i.indkey) AS key (number)
        JOIN pg_attribute AS a ON a.attrelid = i.indrelid AND a.attnum = key.number
        LEFT JOIN pg_stats AS s ON s.schemaname = n.nspname AND s.tablename = t.relname AND s.attname = a.attname
                               AND NOT s.inherited) AS keys
   WHERE ${SCHEMAS} AND n.nspname <> 'pg_catalog'
     AND (NOT (i.indisvalid AND i.indisready AND i.indislive)
          OR (c.relkind = 'i' AND c.relpages::double precision * current_setting('block_size')::integer >= $1))
   ORDER BY n.nspname, c.relname`;
}

/** Collations other than the database's own, which stands in pg_database. */
export const DRIFTED_COLLATIONS = `
  SELECT format('%I.%I', n.nspname, c.collname) AS name
    FROM pg_collation AS c JOIN pg_namespace AS n ON n.oid = c.collnamespace
   WHERE c.collversion IS NOT NULL AND c.collversion <> pg_collation_actual_version(c.oid)
     AND EXISTS (SELECT FROM pg_attribute AS a WHERE a.attcollation = c.oid AND a.attrelid >= 16384)`;
