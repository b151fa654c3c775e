import { HozenError, type RecoveryPoint, obstaclesText, type RestoreObstacle } from '@hozen/contracts';
import { ensureSandbox, sessionName } from '@hozen/dbms';
import { corrupt } from '../artefact/artefact-file.js';
import { archivedTail, readTail, type ArchivedTail } from '../recovery/archived-tail.js';
import type { RecoveryPath } from '../recovery/find-path.js';
import { instantText, parseInstant } from '../recovery/instant.js';
import { ARCHIVING_OFF } from '../restore/physical/archiving-off.js';
import { mustBeChecked } from '../policy/with-policy.js';
import { publishedArtefact, type CommittedArtefact } from '../storage/committed-artefact.js';
import { checkFile } from '../verification/check-file.js';
import { unconfinedWarnings } from '../verification/unconfined.js';
import type { AboutRestore, Destination } from './destination.js';
import { sourceOf } from './find-source.js';
import { finishRestored } from './finish-restore.js';
import { markOpening } from './opening.js';
import { planDirectory } from './plan-directory.js';
import { recoveryOf } from './recovery-of.js';
import type { RestoreContext } from './restore-context.js';
import {
  isRestored,
  reachedIn,
  removeUnfinished,
  restoreDirectory,
  type DirectoryRestore,
} from './restore-directory.js';
import { restoreMariadbDirectory } from './restore-mariadb-directory.js';
import type { RestoreRow } from './restore-row.js';
import { isNamed, restoreTreeDirectory } from './restore-tree-directory.js';

/**
 * Brings files back into a new folder: those of a server, and replays its log over them where a point is asked for; or a tree
 * of files.
 */
export class DirectoryDestination implements Destination {
  constructor(
    private readonly row: RestoreRow & { directory: string },
    private readonly context: RestoreContext,
  ) {}

  async restore(about: AboutRestore): Promise<void> {
    await restoreIntoDirectory(this.row, this.context, about);
  }

  async undo(): Promise<void> {
    await removeUnfinished({ restoreId: this.row.id, directory: this.row.directory });
  }
}

async function restoreIntoDirectory(
  row: RestoreRow & { directory: string },
  context: RestoreContext,
  about: AboutRestore,
): Promise<void> {
  const { directory } = row;
  const place = { restoreId: row.id, directory };
  const source = await sourceOf(row, context.database);
  const artefact = await publishedArtefact(source.path, source);
  const restored = artefact.manifest.databases.map(({ name, tables }) => ({ name, as: name, tables }));
  const { files, physical } = artefact.manifest;
  const told = physical ? [ARCHIVING_OFF] : [];
  const isDone = files ? row.opening && (await isNamed(place)) : await isRestored(place);
  // The worker that gave the folder its name died before it could say so.
  if (isDone) return finishRestored(context.outbox, row, restored, told, await reachedIn(place));
  await removeUnfinished(place);
  const { restoreFolders } = context;
  const recovery = row.point ? await recoveryOf(context.database, row.run_id, row.point, row.run_id) : undefined;
  const ground = { source, artefact, directory, restoreFolders, recovery };
  const leave = { manager: context.database.manager, allow: row.allow, signal: about.signal };
  const { view, chain } = await planDirectory({ ...ground, ...leave });
  if (view.obstacles.length > 0) {
    const what = obstaclesText('en', view.obstacles);
    throw new HozenError('RESTORE_IMPOSSIBLE', { target: row.target_name, what });
  }
  // The signature is that of the manifest, and the manifest says which bytes are right.
  const check = async (quiet: Pick<AboutRestore, 'signal' | 'progress'>) => {
    if (source.signing || mustBeChecked(view.policy)) for (const each of chain) await checkFile(each, quiet);
  };
  const { signal, progress, ensureLease } = about;
  const restore = { ...place, chain, signal, progress, ensureLease };
  if (!physical) await check(about);
  if (files) {
    const warnings = await restoreTreeDirectory({ ...restore, markOpening: () => markOpening(row, context) });
    return finishRestored(context.outbox, row, restored, warnings);
  }
  const { mariadb } = artefact.manifest;
  const logs = recovery?.path && (await logsOf(recovery.path, about));
  const last = logs?.at(-1);
  const replay = recovery?.path && logs && last && { logs, ...(await replayOf(recovery.path, recovery.point, last)) };
  if (replay) ensureSandbox();
  const whole = { ...restore, ...(replay ? { replay } : {}), applicationName: sessionName(row.id, Number(row.epoch)) };
  if (mariadb) {
    await restoreMariadbDirectory(whole);
    told.push(...(await unconfinedWarnings()));
  } else {
    // Read beside the restore, which tells how far it is.
    await restoreDirectory({ ...whole, check: () => check({ signal, progress: () => undefined }) });
    if (replay) told.push(...(await unconfinedWarnings()));
  }
  await finishRestored(context.outbox, row, restored, told, await reachedIn(place));
}

/**
 * How far the server is to go, and what leads there after the last log: WAL that the server archived, or a worker received,
 * perhaps just before the server was lost.
 */
async function replayOf(
  path: RecoveryPath,
  point: RecoveryPoint,
  last: CommittedArtefact,
): Promise<Omit<NonNullable<DirectoryRestore['replay']>, 'logs'>> {
  if (point.latest !== true && !path.beyond) return { point, stopAt: path.stopAt };
  const { target } = last.manifest;
  const tail = await tailOf(path, last);
  const refused = (kind: RestoreObstacle, what: string) =>
    new HozenError('RESTORE_IMPOSSIBLE', { target: target.name, what: obstaclesText('en', [{ kind, what }]) });
  const found = tail && (await readTail(tail));
  // Replaying would write into the folder of the server.
  const [folder] = found?.tablespaces ?? [];
  if (folder !== undefined) throw refused('tablespace-created', folder);
  if (point.time === undefined || !path.beyond) return { point, tail, stopAt: path.stopAt };
  // Only a later transaction shows that nothing before the moment is missing: who wants what there is asks for the latest.
  const ended = found?.lastTransactionAt ?? path.logs.at(-1)?.upTo ?? path.copy.at;
  if (!tail || ended <= parseInstant(point.time)) throw refused('point-uncovered', `– ${instantText(ended)}`);
  return { point, tail, stopAt: 'time' };
}

function tailOf(path: RecoveryPath, last: CommittedArtefact): Promise<ArchivedTail | undefined> {
  const stored = path.logs.at(-1)?.stored;
  if (!last.manifest.wal || !stored?.walArchive) return Promise.resolve(undefined);
  const { walArchive, encryption, signing } = stored;
  const keys = { ...(encryption ? { encryption } : {}), ...(signing ? { signing } : {}) };
  return archivedTail({ walArchive, compressionLevel: 1, ...keys }, last);
}

async function logsOf(
  { logs }: RecoveryPath,
  about: Pick<DirectoryRestore, 'signal' | 'progress'>,
): Promise<CommittedArtefact[]> {
  const found: CommittedArtefact[] = [];
  for (const { stored } of logs) {
    const artefact = await publishedArtefact(stored.path, stored);
    if (artefact.sha256 !== stored.sha256) {
      throw corrupt(stored.path, 'its manifest is of another file than the one that was written down');
    }
    if (stored.signing) await checkFile(artefact, about);
    found.push(artefact);
  }
  return found;
}
