import { mkdir, readdir, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { ReachedPoint } from '@hozen/contracts';
import { findProgram, giveToServer, makeFolders, removeFolder, toolOutput } from '@hozen/dbms';
import { failpoint, inSpan } from '@hozen/telemetry';
import type { AttemptContext } from '../job.js';
import { recoverTo, type Recovery } from '../recovery/recover-to.js';
import { removeTree } from '../storage/file/remove-tree.js';
import { switchArchivingOff } from '../restore/physical/archiving-off.js';
import { makeStartable } from '../restore/physical/make-startable.js';
import type { CommittedArtefact } from '../storage/committed-artefact.js';
import { syncDirectory } from '../storage/file/durable.js';
import { onStorage } from '../storage/storage-error.js';
import { restoreAndCompare } from '../verification/restore-and-compare.js';
import { tablespacesOf } from './plan-directory.js';

export interface RestoredPlace {
  restoreId: string;
  directory: string;
}

export interface DirectoryRestore extends RestoredPlace, Pick<AttemptContext, 'signal' | 'progress' | 'ensureLease'> {
  /** The full backup first. */
  chain: readonly CommittedArtefact[];
  /** What is replayed over it, and how far. */
  replay?: Pick<Recovery, 'logs' | 'tail' | 'point' | 'stopAt'>;
  applicationName: string;
  /** That the artefacts are what was signed. No program is started on the files, and nobody finds them, before that. */
  check?: () => Promise<void>;
}

/** In a restored folder: says by which restore it came. */
const MARK = 'hozen-restore.json';

/**
 * Restores files beside their place, compares them with the server's own list, and gives them their name as the last
 * thing: whoever looks at the folder finds nothing, or all of it. The server on it opens on a timeline of its own.
 * @throws HozenError CONTENT_DIFFERS, RECOVERY_FAILED, LEASE_LOST, ARTEFACT_CORRUPT, of the STORAGE_ and DISK_ codes
 */
export async function restoreDirectory(restore: DirectoryRestore): Promise<void> {
  const { directory } = restore;
  await inSpan('restore directory', { attributes: { 'file.path': directory } }, () =>
    onStorage(directory, async () => {
      const beside = besideOf(restore);
      await makeFolders(dirname(directory), 0o755);
      const restoring = restoreAndCompare(restore.chain, beside, restore, { readNext: restore.replay !== undefined });
      const both = [restore.check?.() ?? Promise.resolve(), restoring];
      await Promise.allSettled(both);
      // Where both failed, the first says why.
      for (const each of both) await each;
      await makeStartable(beside);
      const reached = await recovered(restore, beside);
      await switchArchivingOff(beside, reached?.timeline ?? nextTimeline(restore.chain));
      await moveTablespaces(restore, beside);
      await mark(restore, beside, reached);
      await giveToServer(beside);
      await nameAtLast(restore, beside);
    }),
  );
}

/**
 * Gives what is whole its name: until then nobody finds anything there.
 * @throws HozenError LEASE_LOST, of the STORAGE_ codes
 */
export async function nameAtLast(
  { directory, ensureLease }: Pick<DirectoryRestore, 'directory' | 'ensureLease'>,
  beside: string,
): Promise<void> {
  await toolOutput({ path: findProgram('sync') ?? '/bin/sync', args: ['--file-system', beside] });
  ensureLease();
  await failpoint('restore.before-rename');
  await rename(beside, directory);
  await syncDirectory(dirname(directory));
  await failpoint('restore.renamed');
}

interface Mark {
  restoreId: string;
  from: string[];
  restoredAt: string;
  reached: ReachedPoint | undefined;
}

/** How far the log was replayed over what stands there. */
export async function reachedIn(place: RestoredPlace): Promise<ReachedPoint | undefined> {
  return (await readMark(place.directory))?.reached;
}

/** Whether an earlier owner of the restore has given the files their name already. */
export async function isRestored(place: RestoredPlace): Promise<boolean> {
  return isMarked(place.directory, place.restoreId);
}

/** Removes what an attempt of this restore has not finished, and nothing else. */
export async function removeUnfinished(place: RestoredPlace): Promise<void> {
  for (const folder of [besideOf(place), scratchOf(place)]) await removeTree(folder);
  const tablespaces = tablespacesOf(place.directory);
  if ((await isMarked(tablespaces, place.restoreId)) && !(await isRestored(place))) {
    await removeFolder(tablespaces);
  }
}

/** Where it is restored until it has its name. */
export function besideOf({ restoreId, directory }: RestoredPlace): string {
  return `${directory}.hozen-${restoreId}`;
}

/** What is needed meanwhile. */
export function scratchOf(place: RestoredPlace): string {
  return `${besideOf(place)}.replay`;
}

async function recovered(restore: DirectoryRestore, beside: string): Promise<ReachedPoint | undefined> {
  const { chain, replay, signal, progress, applicationName } = restore;
  const copy = chain.at(-1);
  if (!replay || !copy) {
    await makeRecoverable(beside);
    return undefined;
  }
  const scratch = scratchOf(restore);
  return recoverTo({ ...replay, copy, directory: beside, scratch, signal, progress, applicationName });
}

/** Replays the WAL that came along, and opens on a new timeline: nothing of it can be mixed up with the original. */
export async function makeRecoverable(beside: string): Promise<void> {
  await rm(join(beside, 'standby.signal'), { force: true });
  await writeFile(join(beside, 'recovery.signal'), '', { mode: 0o600 });
  const settings = join(beside, 'postgresql.auto.conf');
  const text = await readFile(settings, 'utf8').catch(() => '');
  await writeFile(settings, `${text}\nrestore_command = 'false'\n`, { mode: 0o600 });
}

/** That a server opens which is started on a copy of files. */
export function nextTimeline(chain: readonly CommittedArtefact[]): number {
  return (chain.at(-1)?.manifest.physical?.timeline ?? 1) + 1;
}

/** Beside the data directory, under their final name, with links to them. */
async function moveTablespaces(restore: DirectoryRestore, beside: string): Promise<void> {
  const links = join(beside, 'pg_tblspc');
  const oids = await readdir(links);
  if (oids.length === 0) return;
  const folder = tablespacesOf(restore.directory);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  await mark(restore, folder);
  for (const oid of oids) {
    await rename(join(links, oid), join(folder, oid));
    await symlink(join(folder, oid), join(links, oid));
  }
  await giveToServer(folder);
}

/** Says in a folder that it came by this restore. @returns the file */
export async function mark(
  { restoreId, chain }: Pick<DirectoryRestore, 'restoreId' | 'chain'>,
  folder: string,
  reached?: ReachedPoint,
): Promise<string> {
  const from = chain.map(({ path }) => path);
  const text = JSON.stringify({ restoreId, from, restoredAt: new Date().toISOString(), reached } satisfies Mark);
  const file = join(folder, MARK);
  await writeFile(file, `${text}\n`, { mode: 0o600 });
  return file;
}

async function isMarked(folder: string, restoreId: string): Promise<boolean> {
  return (await readMark(folder))?.restoreId === restoreId;
}

async function readMark(folder: string): Promise<Partial<Mark> | undefined> {
  try {
    return JSON.parse(await readFile(join(folder, MARK), 'utf8')) as Partial<Mark>;
  } catch {
    return undefined;
  }
}
