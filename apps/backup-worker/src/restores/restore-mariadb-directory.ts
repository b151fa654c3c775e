import { mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { ReachedPoint } from '@hozen/contracts';
import { connectMariadb, giveToServer, makeFolders, removeFolder } from '@hozen/dbms';
import { inSpan } from '@hozen/telemetry';
import { replayBinlogs } from '../recovery/replay-binlogs.js';
import { restoreDumpIntoDirectory } from '../restore/mariadb-dump-directory.js';
import { restoreMariadbFiles } from '../restore/mariadb-files.js';
import { ownUserName } from '../restore/own-user.js';
import { onStorage } from '../storage/storage-error.js';
import { checkTables, startOnCopy } from '../verification/copied-mariadb.js';
import { besideOf, mark, nameAtLast, scratchOf, type DirectoryRestore } from './restore-directory.js';

/**
 * Restores the files of a MariaDB server, or makes a new one of its dump, beside their place, replays its log over them, has a server of our own check every table, and
 * gives them their name as the last thing.
 * @throws HozenError CONTENT_DIFFERS, RECOVERY_FAILED, SANDBOX_FAILED, LEASE_LOST, ARTEFACT_CORRUPT, of the STORAGE_ and DISK_ codes
 */
export async function restoreMariadbDirectory(restore: DirectoryRestore): Promise<void> {
  const { directory } = restore;
  await inSpan('restore directory', { attributes: { 'file.path': directory } }, () =>
    onStorage(directory, async () => {
      const [beside, scratch] = [besideOf(restore), scratchOf(restore)];
      await makeFolders(dirname(directory), 0o755);
      await mkdir(scratch, { mode: 0o711 });
      try {
        await fill(restore, beside, scratch);
        const reached = await replayed(restore, beside, scratch);
        await check(restore, beside, join(scratch, 'server.log'));
        await mark(restore, beside, reached);
      } finally {
        await removeFolder(scratch);
      }
      await giveToServer(beside);
      await nameAtLast(restore, beside);
    }),
  );
}

async function fill(restore: DirectoryRestore, directory: string, scratch: string): Promise<void> {
  const { chain, signal, progress, restoreId } = restore;
  const artefact = chain.at(-1);
  if (artefact?.manifest.format === 'hozen-mariadb-logical') {
    const [logFile, user] = [join(scratch, 'server.log'), ownUserName(restoreId)];
    await restoreDumpIntoDirectory({ artefact, directory, logFile, user, signal, progress });
    return;
  }
  await restoreMariadbFiles({ chain, directory, beside: join(scratch, 'increment'), signal, progress });
  await giveToServer(directory);
}

async function replayed(
  { chain, replay, signal, progress }: DirectoryRestore,
  directory: string,
  scratch: string,
): Promise<ReachedPoint | undefined> {
  const copy = chain.at(-1);
  if (!replay || !copy) return undefined;
  const { logs, point } = replay;
  return replayBinlogs({ directory, copy, logs, point, scratch, signal, progress });
}

async function check(restore: DirectoryRestore, beside: string, logFile: string): Promise<void> {
  const artefact = restore.chain.at(-1);
  if (!artefact) return;
  await using server = await startOnCopy(beside, artefact, restore, { logFile });
  await using client = await connectMariadb(server.address());
  await checkTables(client, restore);
  await server.stop();
}
