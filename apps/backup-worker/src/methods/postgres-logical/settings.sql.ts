/**
 * What a server must share with the original to read its dump alike: text that depends on the locale (money), libraries
 * that extensions need, limits that a restore runs into. An explicit list, because settings may hold secrets.
 */
export const RESTORE_SETTINGS = `
SELECT name, setting
FROM pg_settings
WHERE name IN (
  'block_size', 'data_checksums', 'default_table_access_method', 'default_text_search_config',
  'default_toast_compression', 'lc_messages', 'lc_monetary', 'lc_numeric', 'lc_time', 'max_connections',
  'max_locks_per_transaction', 'max_prepared_transactions', 'server_encoding', 'shared_preload_libraries', 'TimeZone',
  'wal_level', 'wal_segment_size')`;
