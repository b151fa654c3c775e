/** What a copy of the files depends on, in one round trip. */
export const PHYSICAL_FACTS = `
SELECT
  (SELECT rolsuper OR rolreplication FROM pg_roles WHERE rolname = current_user) AS "mayReplicate",
  current_setting('wal_level') AS "walLevel",
  current_setting('max_wal_senders')::int AS "maxWalSenders",
  current_setting('max_replication_slots')::int AS "maxReplicationSlots",
  current_setting('block_size')::int AS "blockSize",
  current_setting('data_checksums') = 'on' OR current_setting('wal_log_hints') = 'on' AS "hintsLogged",
  coalesce(current_setting('summarize_wal', true) = 'on', false) AS "summarizeWal",
  (SELECT setting::int FROM pg_settings WHERE name = 'wal_segment_size') AS "walSegmentBytes",
  CASE WHEN current_setting('is_superuser') = 'on' THEN current_setting('data_directory') END AS "dataDirectory",
  current_setting('port')::int AS "port",
  extract(epoch FROM pg_postmaster_start_time())::float8 AS "startedAt",
  -- Soon after a promotion the control file still names the old one.
  CASE WHEN pg_is_in_recovery() THEN checkpoint.timeline_id
       ELSE ('x' || substr(pg_walfile_name(pg_current_wal_insert_lsn()), 1, 8))::bit(32)::int END AS "timeline",
  -- A standby begins at its last restartpoint; a primary makes a new checkpoint.
  CASE WHEN pg_is_in_recovery() THEN checkpoint.redo_lsn ELSE pg_current_wal_insert_lsn() END::text AS "beginsAfter"
FROM pg_control_checkpoint() AS checkpoint`;

/** Configuration that does not lie in the data directory, and whether we may read it. */
export const CONFIG_FILES = `
SELECT file AS "path",
       current_setting('is_superuser') = 'on' OR pg_has_role('pg_read_server_files', 'USAGE') AS "mayRead"
FROM (
  SELECT current_setting('config_file') AS file
  UNION SELECT current_setting('hba_file')
  UNION SELECT current_setting('ident_file')
  UNION SELECT sourcefile FROM pg_settings WHERE sourcefile IS NOT NULL
) AS files
WHERE file IS NOT NULL AND NOT starts_with(file, current_setting('data_directory') || '/')
ORDER BY file`;

/** Of one file; null where it is gone. */
export const READ_FILE = `SELECT pg_read_binary_file($1, 0, 16777216, true) AS content`;

/** Whether the server has summaries of all WAL of a timeline since a place in it: PostgreSQL 17 and newer. */
export const HAS_SUMMARIES = `
SELECT coalesce(min(start_lsn) <= $2::pg_lsn, false) AS has FROM pg_available_wal_summaries() WHERE tli = $1`;
