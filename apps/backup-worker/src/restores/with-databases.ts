import type { RestoreContext } from './restore-context.js';
import type { RestoreRow, WantedDatabase } from './restore-row.js';

/** What all of a backup is, written down for those who look at the restore. */
export async function withDatabases(
  row: RestoreRow,
  databases: WantedDatabase[],
  { database }: Pick<RestoreContext, 'database'>,
): Promise<RestoreRow> {
  await database.query('UPDATE restores SET databases = $3::jsonb WHERE id = $1 AND epoch = $2', [
    row.id,
    row.epoch,
    JSON.stringify(databases),
  ]);
  return { ...row, databases };
}
