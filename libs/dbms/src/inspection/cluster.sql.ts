/** Everything about the server itself in one round trip: this stands between the request and the first byte of a backup. */
export const CLUSTER = `
SELECT
  current_setting('server_version_num')::int AS "versionNum",
  current_setting('server_version') AS "version",
  (SELECT system_identifier::text FROM pg_control_system()) AS "systemIdentifier",
  (SELECT rolname FROM pg_roles WHERE oid = 10) AS "bootstrapSuperuser",
  pg_is_in_recovery() AS "inRecovery",
  current_setting('data_checksums') = 'on' AS "dataChecksums",
  json_build_object(
    'mode', current_setting('archive_mode'),
    'lastArchivedWal', a.last_archived_wal, 'lastArchivedAt', a.last_archived_time,
    'lastFailedWal', a.last_failed_wal, 'lastFailedAt', a.last_failed_time) AS "archiving",
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
  (SELECT coalesce(json_agg(json_build_object(
     'pid', pid, 'user', usename, 'database', datname, 'applicationName', application_name, 'state', state,
     'seconds', round(extract(epoch FROM clock_timestamp() - xact_start))) ORDER BY xact_start), '[]')
   FROM pg_stat_activity
   WHERE xact_start < clock_timestamp() - $1 * interval '1 second' AND pid <> pg_backend_pid()
     AND backend_type <> 'walsender') AS "longTransactions"
FROM pg_stat_archiver a, pg_roles me
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
