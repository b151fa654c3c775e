import { warningText } from '@hozen/contracts';
import { appendFile, chmod, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

const SETTINGS = `
# Restored by Hozen: the archive_command of the original is still set, and would archive into the place of the original.
# Point it to a place that may take this server's WAL, and write "on" here before the first start, so that nothing is missing
# there. Later: ALTER SYSTEM SET archive_mode = on, a restart, and then a new full backup.
archive_mode = off
`;

export const ARCHIVING_OFF = warningText('restore.archiving-off');

/**
 * Keeps the server on restored files from archiving until somebody says so, over whatever the original was told. The history
 * of the timeline that it opens is marked to be archived first: the server does that only while archiving is on, and
 * without it nobody can follow that timeline in an archive.
 * @param timeline the one that it opens, or has opened. Where it comes to be another one, the server removes the mark.
 */
export async function switchArchivingOff(directory: string, timeline: number): Promise<void> {
  const settings = join(directory, 'postgresql.auto.conf');
  await appendFile(settings, SETTINGS);
  await chmod(settings, 0o600);
  const folder = join(directory, 'pg_wal', 'archive_status');
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const history = `${timeline.toString(16).toUpperCase().padStart(8, '0')}.history`;
  await writeFile(join(folder, `${history}.ready`), '', { mode: 0o600 });
}
