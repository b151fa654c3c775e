import { open, stat } from 'node:fs/promises';
import { asHozenError, HozenError, obstaclesText, warningText } from '@hozen/contracts';
import { findProgram, toolOutput } from '@hozen/dbms';
import { failpoint, inSpan } from '@hozen/telemetry';
import { ARCHIVING_OFF, switchArchivingOff } from '../restore/physical/archiving-off.js';
import { makeStartable } from '../restore/physical/make-startable.js';
import { contentsOf, withinBackup } from '../restore/delta/contents.js';
import { foldersOf, type DataDirectory } from '../restore/delta/data-directory.js';
import { deltaFiles } from '../restore/delta/delta-files.js';
import { DirectoryLock, unfinishedIn } from '../restore/delta/directory-lock.js';
import { publishedArtefact, type CommittedArtefact } from '../storage/committed-artefact.js';
import { syncDirectory } from '../storage/file/durable.js';
import { onStorage } from '../storage/storage-error.js';
import { checkFile } from '../verification/check-file.js';
import type { AboutRestore, Destination } from './destination.js';
import { sourceOf } from './find-source.js';
import { finishRestored } from './finish-restore.js';
import { OutcomeUnknown } from './opening.js';
import { planDelta } from './plan-delta.js';
import { tablespacesOf } from './plan-directory.js';
import { isRestored, makeRecoverable, mark, nextTimeline } from './restore-directory.js';
import type { RestoreContext } from './restore-context.js';
import type { RestoreRow } from './restore-row.js';

/** How long a failed restore waits for its own lock. */
const UNDO_MS = 10_000;

/**
 * Makes the data directory of a stopped server what a backup of it holds. Until the first change everything is as it was if it fails;
 * from then on no server starts there until this restore, or a later one, has come to its end.
 */
export class DeltaDestination implements Destination {
  constructor(
    private readonly row: RestoreRow & { directory: string },
    private readonly context: RestoreContext,
  ) {}

  async restore(about: AboutRestore): Promise<void> {
    const { row, context } = this;
    const { directory, id: restoreId } = row;
    if (!row.approval)
      throw new HozenError('APPROVAL_MISSING', { id: restoreId, what: warningText('what.nobody-approved') });
    const source = await sourceOf(row, context.database);
    const artefact = await publishedArtefact(source.path, source);
    const restored = artefact.manifest.databases.map(({ name, tables }) => ({ name, as: name, tables }));
    // The worker that made it whole died before it could say so.
    if (await isRestored({ restoreId, directory })) {
      await this.#unlock(about);
      return finishRestored(context.outbox, row, restored, [ARCHIVING_OFF]);
    }
    const { restoreFolders, database } = context;
    const ground = { source, artefact, directory, restoreFolders, manager: database.manager, allow: row.allow };
    const plan = await planDelta(ground);
    if (plan.view.hash !== row.plan_hash || !plan.directory) {
      const detail = obstaclesText('en', plan.view.obstacles);
      throw new HozenError('PLAN_CHANGED', {}, detail === '' ? {} : { detail });
    }
    // The signature is that of the manifest, and the manifest says which bytes are right.
    if (source.signing) for (const each of plan.chain) await checkFile(each, about);
    const warnings = await this.#overwrite(plan.directory, plan.chain, about);
    await finishRestored(context.outbox, row, restored, [ARCHIVING_OFF, ...warnings]);
  }

  /** What has been changed cannot be changed back; where nothing was, a server may start again. */
  async undo(): Promise<void> {
    const { directory, id } = this.row;
    if ((await unfinishedIn(directory)) !== id) return;
    await using lock = await DirectoryLock.take(directory, id, AbortSignal.timeout(UNDO_MS));
    if (!(await lock.hasBegun())) await lock.release();
  }

  async #overwrite(
    directory: DataDirectory,
    chain: readonly CommittedArtefact[],
    about: AboutRestore,
  ): Promise<string[]> {
    const { id: restoreId } = this.row;
    const { path } = directory;
    await using lock = await onStorage(path, () => DirectoryLock.take(path, restoreId, about.signal));
    try {
      await inSpan('restore over directory', { attributes: { 'file.path': path } }, () =>
        onStorage(path, () => this.#makeWhole(directory, chain, lock, about)),
      );
    } catch (error) {
      throw (await lock.hasBegun().catch(() => true)) ? unfinished(path, error) : error;
    }
    try {
      await lock.complete();
      await failpoint('restore.unlocked');
    } catch (cause) {
      throw new OutcomeUnknown('the directory is whole, and it could not be told', { cause });
    }
    return leftTablespaces(directory, chain);
  }

  async #makeWhole(
    directory: DataDirectory,
    chain: readonly CommittedArtefact[],
    lock: DirectoryLock,
    { signal, progress, ensureLease }: AboutRestore,
  ): Promise<void> {
    const { path } = directory;
    const newTablespaces = tablespacesOf(path);
    const done = await deltaFiles({ chain, directory, newTablespaces, begin: () => lock.begin(), signal, progress });
    await makeStartable(path);
    await makeRecoverable(path);
    await switchArchivingOff(path, nextTimeline(chain));
    await giveToOwner(directory);
    // The mark says that all of it is there, so it comes after that.
    await sync(directory);
    ensureLease();
    await failpoint('restore.delta-synced');
    await syncMark(await mark({ restoreId: this.row.id, chain }, path), directory);
    this.context.log.info({ ...done, path }, 'the directory is what the backup holds');
  }

  async #unlock(about: AboutRestore): Promise<void> {
    const { directory, id } = this.row;
    if ((await unfinishedIn(directory)) !== id) return;
    await using lock = await DirectoryLock.take(directory, id, about.signal);
    await lock.complete();
  }
}

/** What was made by root belongs to whoever the directory belongs to. */
async function giveToOwner(directory: DataDirectory): Promise<void> {
  if (process.getuid?.() !== 0) return;
  const { uid, gid } = await stat(directory.path);
  const owner = ['--recursive', '--no-dereference', '--from=0', `${uid}:${gid}`];
  const args = [...owner, '--', ...foldersOf(directory)];
  await toolOutput({ path: findProgram('chown') ?? '/bin/chown', args });
}

async function syncMark(file: string, { path }: DataDirectory): Promise<void> {
  const { uid, gid } = await stat(path);
  await using handle = await open(file, 'r');
  if (process.getuid?.() === 0) await handle.chown(uid, gid);
  await handle.sync();
  await syncDirectory(path);
}

async function sync(directory: DataDirectory): Promise<void> {
  const args = ['--file-system', ...foldersOf(directory)];
  await toolOutput({ path: findProgram('sync') ?? '/bin/sync', args });
}

/** Only the links to them went. */
async function leftTablespaces(directory: DataDirectory, chain: readonly CommittedArtefact[]): Promise<string[]> {
  const last = chain.at(-1);
  const kept = last ? withinBackup(directory, await contentsOf(last)).tablespaces : directory.tablespaces;
  return [...directory.tablespaces]
    .filter(([oid]) => !kept.has(oid))
    .map(
      ([, folder]) =>
        `The tablespace in ${folder} is not in the backup: its link was removed, its files are left there.`,
    );
}

function unfinished(path: string, thrown: unknown): HozenError {
  const error = asHozenError(thrown);
  if (error.code === 'LEASE_LOST') return error;
  return new HozenError(
    'RESTORE_UNFINISHED',
    { path, what: error.message },
    { cause: thrown, detail: error.detail ?? error.hint },
  );
}
