/**
 * What a server must share with the original to read its dump alike: text that depends on the locale (money), libraries
 * that extensions need, limits that a restore runs into. An explicit list, because settings may hold secrets.
 */
const RESTORE_SETTINGS = [
  'block_size',
  'data_checksums',
  'default_table_access_method',
  'default_text_search_config',
  'default_toast_compression',
  'lc_messages',
  'lc_monetary',
  'lc_numeric',
  'lc_time',
  'max_connections',
  'max_locks_per_transaction',
  'max_prepared_transactions',
  'server_encoding',
  'shared_preload_libraries',
  'TimeZone',
  'wal_level',
  'wal_segment_size',
];

/**
 * Everything about the server itself: this stands between the request and the first byte of a backup. Settings are asked
 * for by name, since the view of them makes a row of each of hundreds first.
 */
export const CLUSTER = `
SELECT
  current_setting('server_version_num')::int AS "versionNum",
  current_setting('server_version') AS "version",
  (SELECT system_identifier::text FROM pg_control_system()) AS "systemIdentifier",
  (SELECT rolname FROM pg_roles WHERE oid = 10) AS "bootstrapSuperuser",
  pg_is_in_recovery() AS "inRecovery",
  current_setting('data_checksums') = 'on' AS "dataChecksums",
  me.rolsuper AS "isSuperuser",
  me.rolsuper OR (
    me.rolbypassrls
    AND has_table_privilege('pg_catalog.pg_authid', 'SELECT')
    -- absent before version 14
    AND EXISTS (SELECT FROM pg_roles r WHERE r.rolname = 'pg_read_all_data' AND pg_has_role(r.oid, 'USAGE'))
  ) AS "canReadEverything",
  (SELECT coalesce(json_agg(json_build_object(
     'name', spcname, 'owner', pg_get_userbyid(spcowner), 'location', pg_tablespace_location(oid)) ORDER BY spcname), '[]')
   FROM pg_tablespace) AS "tablespaces",
  (SELECT json_object_agg(name, value) FROM (
     SELECT name, CASE
       WHEN name = 'wal_segment_size' THEN pg_size_bytes(current_setting(name))::text
       -- not shown to everybody
       WHEN name <> 'shared_preload_libraries' OR pg_has_role('pg_read_all_settings', 'USAGE')
       THEN current_setting(name, true) END AS value
     FROM unnest('{${RESTORE_SETTINGS.join(', ')}}'::text[]) AS name) AS shown
   WHERE value IS NOT NULL) AS "settings"
FROM pg_roles me
WHERE me.rolname = current_user`;

/**
 * Every database, also those that cannot be dumped: to leave one out silently is the worst a backup can do. The size is
 * asked only where that is allowed, since one refusal would fail the whole statement.
 */
export const DATABASES = `
SELECT
  d.datname AS "name",
  d.oid::bigint::float8 AS "oid",
  CASE WHEN has_database_privilege(d.oid, 'CONNECT') OR pg_has_role('pg_read_all_stats', 'USAGE')
       THEN pg_database_size(d.oid)::float8 END AS "bytes",
  pg_get_userbyid(d.datdba) AS "owner",
  pg_encoding_to_char(d.encoding) AS "encoding",
  d.datcollate AS "collate",
  d.datctype AS "ctype",
  d.datallowconn AS "allowConnections",
  has_database_privilege(d.oid, 'CONNECT') AS "mayConnect",
  d.datconnlimit = -2 AS "isInvalid",
  d.datistemplate AS "isTemplate",
  d.datconnlimit AS "connectionLimit"
FROM pg_database d
ORDER BY d.datname`;

/** What goes on there now. @param longSeconds a transaction that is open for longer is listed */
export function activity(longSeconds: number): string {
  return `
SELECT
  json_build_object(
    'mode', current_setting('archive_mode'),
    'lastArchivedWal', a.last_archived_wal, 'lastArchivedAt', a.last_archived_time,
    'lastFailedWal', a.last_failed_wal, 'lastFailedAt', a.last_failed_time) AS "archiving",
  (SELECT coalesce(json_agg(json_build_object(
     'pid', pid, 'user', usename, 'database', datname, 'applicationName', application_name, 'state', state,
     'seconds', round(extract(epoch FROM clock_timestamp() - xact_start))) ORDER BY xact_start), '[]')
   FROM pg_stat_activity
   WHERE xact_start < clock_timestamp() - ${longSeconds} * interval '1 second' AND pid <> pg_backend_pid()
     AND backend_type <> 'walsender') AS "longTransactions"
FROM pg_stat_archiver a`;
}
