import { asHozenError } from '@hozen/contracts';
import type { BackupJob } from '../../job.js';
import { WalArchive } from '../../wal-archive/wal-archive.js';
import { walNameOf } from '../../wal-archive/wal-name.js';

/**
 * Compares the config's archive with what the server believes to have archived last.
 * @returns what is worth a warning
 */
export async function watchArchive(
  { config }: Pick<BackupJob, 'config'>,
  lastArchived: string | null,
): Promise<string[]> {
  if (!config.walArchive || lastArchived === null || !walNameOf(lastArchived)) return [];
  try {
    const archive = await WalArchive.of(config);
    if (await archive.has(lastArchived)) return [];
    return [
      `The server believes that ${lastArchived} is archived, and ${archive.location} does not have it: look at its archive_command, and at hozen wal check.`,
    ];
  } catch (error) {
    return [`The WAL archive cannot be looked at: ${asHozenError(error).message}`];
  }
}
