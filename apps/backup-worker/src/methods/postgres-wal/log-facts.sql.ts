/** What a copy of the WAL depends on, in one round trip. */
export const LOG_FACTS = `
SELECT
  (SELECT rolsuper OR rolreplication FROM pg_roles WHERE rolname = current_user) AS "mayReplicate",
  current_setting('wal_level') AS "walLevel",
  current_setting('max_wal_senders')::int AS "maxWalSenders",
  current_setting('max_replication_slots')::int AS "maxReplicationSlots",
  current_setting('wal_block_size')::int AS "walBlockSize",
  (SELECT setting::int FROM pg_settings WHERE name = 'wal_segment_size') AS "walSegmentBytes",
  current_setting('max_slot_wal_keep_size') AS "maxSlotKeep",
  (SELECT last_archived_wal FROM pg_stat_archiver WHERE current_setting('archive_mode') <> 'off') AS "lastArchived",
  CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_flush_lsn() END::text AS "flushed"`;

/** Where the WAL ends that is written, and all of it; how many milliseconds a commit may wait to be written. */
export const WAL_END = `
SELECT
  CASE WHEN pg_is_in_recovery() THEN checkpoint.timeline_id
       ELSE ('x' || substr(pg_walfile_name(pg_current_wal_insert_lsn()), 1, 8))::bit(32)::int END AS "timeline",
  CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_flush_lsn() END::text AS "lsn",
  CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_insert_lsn() END::text AS "inserted",
  (SELECT setting::int FROM pg_settings WHERE name = 'wal_writer_delay') AS "delay",
  clock_timestamp() AS "at"
FROM pg_control_checkpoint() AS checkpoint`;

/** A slot that reserves WAL from now on. */
export const CREATE_SLOT = `SELECT pg_create_physical_replication_slot($1, true)`;

export const DROP_SLOT = `SELECT pg_drop_replication_slot($1)`;

export const FIND_SLOT = `
SELECT slot_type AS "type", restart_lsn::text AS "restartLsn", wal_status AS "walStatus"
FROM pg_replication_slots WHERE slot_name = $1`;
