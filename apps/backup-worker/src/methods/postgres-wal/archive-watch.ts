import { asHozenError, warningText } from '@hozen/contracts';
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
    return [warningText('archive.not-there', { file: lastArchived, location: archive.location })];
  } catch (error) {
    return [warningText('archive.unreadable', { reason: asHozenError(error).message })];
  }
}
