/** An index and the table it belongs to, as they are now. */
export const INDEX_STATE = `
  SELECT c.oid AS "indexOid", i.indrelid AS "tableOid", (i.indisvalid AND i.indisready AND i.indislive) AS valid
    FROM pg_catalog.pg_class AS c
    JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
    JOIN pg_catalog.pg_index AS i ON i.indexrelid = c.oid
   WHERE n.nspname = $1 AND c.relname = $2`;

export const INDEXES_OF_TABLE = `
  SELECT c.oid, n.nspname AS schema, c.relname AS name, (i.indisvalid AND i.indisready AND i.indislive) AS valid
    FROM pg_catalog.pg_index AS i
    JOIN pg_catalog.pg_class AS c ON c.oid = i.indexrelid
    JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
   WHERE i.indrelid = $1
   ORDER BY c.oid`;

/** Who builds on the table at this moment: every way to build an index holds one of these locks to its end. */
export const BUILDERS_ON_TABLE = `
  SELECT DISTINCT l.pid FROM pg_catalog.pg_locks AS l LEFT JOIN pg_catalog.pg_stat_activity AS a ON a.pid = l.pid
   WHERE l.locktype = 'relation' AND l.relation = $1 AND l.granted AND l.pid <> $2
     AND l.database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database())
     AND l.mode IN ('ShareUpdateExclusiveLock', 'ShareLock', 'AccessExclusiveLock')
     AND a.backend_type IS DISTINCT FROM 'autovacuum worker'`;
