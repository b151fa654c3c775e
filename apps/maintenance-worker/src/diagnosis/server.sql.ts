/** Without pg_monitor the columns of others' sessions are NULL; the counts are right all the same. */
export const CONNECTIONS = `
  SELECT current_setting('max_connections')::integer AS max, count(*)::integer AS total,
         (count(*) FILTER (WHERE state = 'active'))::integer AS active,
         (count(*) FILTER (WHERE state LIKE 'idle in transaction%'))::integer AS "idleInTransaction",
         (count(*) FILTER (WHERE wait_event_type = 'Lock'))::integer AS waiting
    FROM pg_stat_activity WHERE backend_type = 'client backend' OR backend_type IS NULL`;

/** Only for sessions that wait for a lock: pg_blocking_pids holds up the lock manager for a moment. */
export const BLOCKED = `
  SELECT pid, pg_blocking_pids(pid) AS "blockedBy", datname AS database, usename AS "user",
         application_name AS "applicationName",
         extract(epoch FROM clock_timestamp() - query_start)::double precision AS seconds
    FROM pg_stat_activity WHERE wait_event_type = 'Lock' ORDER BY query_start LIMIT 100`;

export const PREPARED_TRANSACTIONS = `
  SELECT gid AS name, database, owner, extract(epoch FROM clock_timestamp() - prepared)::double precision AS seconds
    FROM pg_prepared_xacts ORDER BY prepared LIMIT 100`;

export const SLOTS = `
  SELECT slot_name AS name, slot_type AS type, active, wal_status AS "walStatus",
         pg_wal_lsn_diff(CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_lsn() END,
                         restart_lsn)::double precision AS "retainedBytes"
    FROM pg_replication_slots ORDER BY slot_name`;

export const STANDBYS = `
  SELECT application_name AS "applicationName", state, sync_state AS "syncState",
         CASE WHEN pg_is_in_recovery() THEN NULL
              ELSE pg_wal_lsn_diff(pg_current_wal_lsn(), replay_lsn) END::double precision AS "lagBytes"
    FROM pg_stat_replication ORDER BY pid`;

/** What decides how well the server looks after itself. */
export const SETTINGS = `
  SELECT name, current_setting(name) AS value FROM pg_settings
   WHERE name IN ('autovacuum', 'autovacuum_max_workers', 'autovacuum_vacuum_scale_factor', 'autovacuum_freeze_max_age',
     'vacuum_cost_limit', 'maintenance_work_mem', 'shared_buffers', 'work_mem', 'effective_cache_size', 'max_wal_size',
     'checkpoint_timeout', 'wal_level', 'archive_mode', 'fsync', 'full_page_writes', 'synchronous_commit',
     'max_slot_wal_keep_size', 'idle_in_transaction_session_timeout', 'statement_timeout', 'zero_damaged_pages',
     'ignore_checksum_failure')`;

export const DATA_DIRECTORY = `SELECT setting AS path FROM pg_settings WHERE name = 'data_directory'`;

/** PostgreSQL 15 began to remember the collation version of a database. */
export function databaseHealth(major: number): string {
  const versions =
    major >= 15
      ? `d.datcollversion AS "collationVersion",
         CASE WHEN d.datcollversion IS NOT NULL THEN pg_database_collation_actual_version(d.oid) END`
      : `NULL::text AS "collationVersion", NULL::text`;
  return `
  SELECT d.datname AS name, age(d.datfrozenxid) AS "transactionAge", mxid_age(d.datminmxid) AS "multixactAge",
         s.checksum_failures::double precision AS "checksumFailures", ${versions} AS "actualCollationVersion"
    FROM pg_database AS d LEFT JOIN pg_stat_database AS s ON s.datid = d.oid`;
}
