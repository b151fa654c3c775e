/** No WAL of the time of the copy may go before the copy has it, however long that takes. It goes with the session. */
export const RESERVE_WAL = `SELECT pg_create_physical_replication_slot($1, true, true)`;

/** The functions have their names since PostgreSQL 15; before, backup mode of one session had to be asked for. */
export function beginBackup(major: number): string {
  return `SELECT ${major >= 15 ? 'pg_backup_start($1, $2)' : 'pg_start_backup($1, $2, false)'}::text AS lsn`;
}

/** An archive that hangs is not the business of a backup that brings its WAL along. */
export function endBackup(major: number): string {
  const stopped = major >= 15 ? 'pg_backup_stop(false)' : 'pg_stop_backup(false, false)';
  return `SELECT lsn::text, labelfile AS label, coalesce(spcmapfile, '') AS map FROM ${stopped}`;
}

/** Those with files outside of the data directory, and the folder in them that is of this server's version. */
export const TABLESPACES = `
SELECT oid::bigint::float8 AS oid, pg_tablespace_location(oid) AS location,
       (SELECT 'PG_' || current_setting('server_version_num')::int / 10000 || '_' || catalog_version_no
          FROM pg_control_system()) AS folder
FROM pg_tablespace
WHERE spcname NOT IN ('pg_default', 'pg_global') AND pg_tablespace_location(oid) LIKE '/%'`;
