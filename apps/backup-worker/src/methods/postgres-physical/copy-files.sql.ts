/** No WAL of the time of the copy may go before the copy has it, however long that takes. It goes with the session. */
export const RESERVE_WAL = `SELECT pg_create_physical_replication_slot($1, true, true)`;

export const BEGIN_BACKUP = `SELECT pg_backup_start($1, $2)::text AS lsn`;

/** An archive that hangs is not the business of a backup that brings its WAL along. */
export const END_BACKUP = `SELECT lsn::text, labelfile AS label, coalesce(spcmapfile, '') AS map FROM pg_backup_stop(false)`;

/** Those with files outside of the data directory, and the folder in them that is of this server's version. */
export const TABLESPACES = `
SELECT oid::bigint::float8 AS oid, pg_tablespace_location(oid) AS location,
       (SELECT 'PG_' || current_setting('server_version_num')::int / 10000 || '_' || catalog_version_no
          FROM pg_control_system()) AS folder
FROM pg_tablespace
WHERE spcname NOT IN ('pg_default', 'pg_global') AND pg_tablespace_location(oid) LIKE '/%'`;
