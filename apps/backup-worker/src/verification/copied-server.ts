import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** For a server on the files of another one: it does nothing by itself, and loads nothing. */
export function calmSettings(major: number): Record<string, string | number | boolean> {
  return { ...CALM, ...(major >= 17 ? { event_triggers: false } : {}) };
}

const CALM = {
  autovacuum: false,
  // Tablespaces are folders here, and not links to those of the original.
  allow_in_place_tablespaces: true,
  archive_mode: 'off',
  max_prepared_transactions: 1000,
  max_logical_replication_workers: 0,
  shared_preload_libraries: '',
  session_preload_libraries: '',
  local_preload_libraries: '',
  default_transaction_read_only: false,
} as const;

/** The original's own may lie elsewhere, and lets in whom it likes. */
export async function ownConfiguration(folder: string): Promise<Record<string, string>> {
  const [config, hba, ident] = ['server.conf', 'hba.conf', 'ident.conf'].map((name) => join(folder, name));
  await writeFile(config ?? '', '');
  await writeFile(hba ?? '', 'local all all trust\n');
  await writeFile(ident ?? '', '');
  return { config_file: config ?? '', hba_file: hba ?? '', ident_file: ident ?? '' };
}
