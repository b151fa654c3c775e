import { HozenError } from '@hozen/contracts';
import { asTargetError, connect, parseLsn, sessionName, walFileName, type TargetClient } from '@hozen/dbms';
import { loadCrc32c } from '../../artefact/crc32c.js';
import type { AttemptContext, BackupJob } from '../../job.js';
import { writeBackupManifest } from './backup-manifest.js';
import type { PhysicalTarget } from './check-target.js';
import type { CopiedArchives, CopiedFiles } from './copied-archives.js';
import { FilesCopy } from './files-copy.js';
import { listDataDirectory, listTablespace } from './list-files.js';
import { SameFiles } from './same-files.js';
import { slotName } from './slot-name.js';
import { beginBackup, endBackup, RESERVE_WAL, TABLESPACES } from './copy-files.sql.js';

/**
 * Reads the files of a server on this machine straight from its data directory, in backup mode: less work for it, and for
 * us, than having it send them.
 * @param directory its data directory
 * @throws HozenError of the TARGET_ and STORAGE_ codes, and what the writer throws
 */
export async function copyFiles(
  job: BackupJob,
  target: PhysicalTarget,
  directory: string,
  archives: CopiedArchives,
  { signal }: Pick<AttemptContext, 'signal'>,
): Promise<CopiedFiles> {
  const applicationName = sessionName(job.runId, job.epoch);
  // Backup mode and slot go with the session, however it ends.
  await using client = await connect(target.address, { applicationName });
  try {
    return await readFiles(client, job, target, directory, archives, signal);
  } catch (error) {
    throw signal.aborted ? signal.reason : asSourceError(error, directory, client);
  }
}

async function readFiles(
  client: TargetClient,
  job: BackupJob,
  target: PhysicalTarget,
  directory: string,
  archives: CopiedArchives,
  signal: AbortSignal,
): Promise<CopiedFiles> {
  await client.query(RESERVE_WAL, [slotName(job)]);
  const { major, systemIdentifier } = target.facts;
  const startLsn = await beginCopy(client, major, job, signal);
  const same = new SameFiles(archives.parentRun);
  const copy = new FilesCopy(archives, await loadCrc32c(), signal, same);
  const tablespaces = await tablespacesOf(client);
  for (const { oid, folder, location } of tablespaces) {
    await copy.archive(`${oid}.tar`, location, await listTablespace(location, folder));
  }
  const end = await copy.archive('base.tar', directory, await listDataDirectory(directory), async (archive) => {
    const ended = await endCopy(client, major);
    await copy.addText(archive, 'backup_label', ended.label);
    await copy.addText(archive, 'tablespace_map', ended.map);
    await copy.addWal(archive, directory, walNames(target.physical, startLsn, ended.lsn));
    return ended;
  });
  same.remember(job.runId);
  const { timeline } = target.physical;
  const facts = { startLsn, endLsn: end.lsn, timeline };
  return {
    facts: { ...facts, tablespaces, warnings: copy.warnings, damaged: false, pagesChecked: false },
    list: writeBackupManifest(copy.files, { ...facts, major, systemIdentifier }),
  };
}

/** What the server said, or the file system that its files are in. */
function asSourceError(error: unknown, directory: string, { address }: TargetClient): unknown {
  if (error instanceof HozenError || !(error instanceof Error)) return error;
  const { syscall, path = directory } = error as NodeJS.ErrnoException;
  if (syscall === undefined) return asTargetError(error, address);
  return new HozenError('STORAGE_IO', { path }, { cause: error, detail: error.message });
}

/** The checkpoint may take minutes; who cancels does not wait for it. */
async function beginCopy(client: TargetClient, major: number, job: BackupJob, signal: AbortSignal): Promise<string> {
  const stop = () => void client.end().catch(() => undefined);
  signal.addEventListener('abort', stop, { once: true });
  try {
    signal.throwIfAborted();
    const fast = job.config.checkpoint === 'fast';
    const { rows } = await client.query<{ lsn: string }>(beginBackup(major), [`hozen ${job.runId}`, fast]);
    return rows[0]?.lsn ?? '';
  } finally {
    signal.removeEventListener('abort', stop);
  }
}

async function endCopy(client: TargetClient, major: number): Promise<{ lsn: string; label: string; map: string }> {
  const { rows } = await client.query<{ lsn: string; label: string; map: string }>(endBackup(major));
  return rows[0] ?? { lsn: '', label: '', map: '' };
}

async function tablespacesOf(client: TargetClient): Promise<{ oid: number; folder: string; location: string }[]> {
  const { rows } = await client.query<{ oid: number; folder: string; location: string }>(TABLESPACES);
  return rows;
}

/** Segments from the one where replay begins to the one where the backup ends. */
function walNames({ timeline, walSegmentBytes }: PhysicalTarget['physical'], from: string, to: string): string[] {
  const segment = BigInt(walSegmentBytes);
  const names: string[] = [];
  // What ends exactly with a segment does not need the next.
  for (let lsn = (parseLsn(from) / segment) * segment; lsn < parseLsn(to); lsn += segment) {
    names.push(walFileName(timeline, lsn, walSegmentBytes));
  }
  return names;
}
