import { HozenError, requireValid, TargetSpec } from '@hozen/contracts';
import { connect, sessionName, terminateOlderSessions } from '@hozen/dbms';
import { ArtefactFile } from '../artefact/artefact-file.js';
import { checkServer, type CheckedTarget } from '../methods/postgres-logical/check-target.js';
import { publishedArtefact } from '../storage/committed-artefact.js';
import { checkFile } from '../verification/check-file.js';
import { sourceOf } from './find-source.js';
import { finishRestored } from './finish-restore.js';
import { planRestore, renamedWarning } from './plan-restore.js';
import { areOpened, dropLeftovers, openDatabases, restoreBeside, type BesideRestore } from './restore-beside.js';
import type { RestoreContext } from './restore-context.js';
import type { RestoreRow } from './restore-row.js';
import { wrongMethod } from './wrong-method.js';

/** Brings databases of a dump into a server, beside what is there. @throws OutcomeUnknown */
export async function restoreIntoServer(
  row: RestoreRow,
  target: CheckedTarget,
  context: RestoreContext,
  about: Omit<BesideRestore, 'row' | 'file' | 'target'>,
): Promise<void> {
  const renamed = row.databases.filter(({ name, as }) => name !== as).map(({ name, as }) => renamedWarning(name, as));
  const source = await sourceOf(row, context.database);
  const artefact = await publishedArtefact(source.path, source);
  if (artefact.manifest.format !== 'hozen-postgres-logical') {
    throw wrongMethod(row.target_name, artefact.manifest.format);
  }
  await using file = await ArtefactFile.open(artefact);
  await using client = await connect(target.address, { applicationName: sessionName(row.id, Number(row.epoch)) });
  await terminateOlderSessions(client, `hozen/${row.id}`, Number(row.epoch));
  if (row.opening && (await areOpened(client, row))) {
    // The worker that opened them died before it could say so.
    const tables = new Map(artefact.manifest.databases.map((each) => [each.name, each.tables]));
    const restored = row.databases.map((each) => ({ ...each, tables: tables.get(each.name) ?? 0 }));
    return finishRestored(context.outbox, row, restored, renamed);
  }
  await dropLeftovers(client, row);
  const ground = { source, artefact, file, target, client, targetName: row.target_name };
  // The signature is that of the manifest, and the manifest says which bytes are right.
  if (source.signing) await checkFile(artefact, about);
  const { obstacles } = await planRestore(ground, row.databases);
  if (obstacles.length > 0) {
    const what = obstacles.map((each) => `${each.kind} ${each.what}`).join(', ');
    throw new HozenError('RESTORE_IMPOSSIBLE', { target: row.target_name, what });
  }
  const beside: BesideRestore = { row, file, target, ...about };
  const restored = await restoreBeside(beside);
  about.signal.throwIfAborted();
  await markOpening(row, context);
  await openOrKnow(beside);
  await finishRestored(context.outbox, row, restored, renamed);
}

/** The answer to the opening may be lost. Then the server is asked what became of it. */
async function openOrKnow(beside: BesideRestore): Promise<void> {
  const { row, target } = beside;
  try {
    await openDatabases(beside);
  } catch (error) {
    if (!(await wereOpened(row, target, error))) throw error;
  }
}

async function wereOpened(row: RestoreRow, target: CheckedTarget, cause: unknown): Promise<boolean> {
  try {
    await using client = await connect(target.address, { applicationName: sessionName(row.id, Number(row.epoch)) });
    return await areOpened(client, row);
  } catch {
    throw new OutcomeUnknown('it is not known whether the databases were opened', { cause });
  }
}

/** Nothing may be told, or dropped: the next owner finds out. */
export class OutcomeUnknown extends Error {}

/** The databases are opened after this: whoever takes over finds out whether they were. */
async function markOpening(row: RestoreRow, context: RestoreContext): Promise<void> {
  const [rows] = await context.database.query<[unknown[], number]>(
    `UPDATE restores SET opening = true WHERE id = $1 AND epoch = $2 AND state = 'running' RETURNING id`,
    [row.id, row.epoch],
  );
  if (rows.length === 0) throw new HozenError('LEASE_LOST');
}

/** The server that is restored into. */
export async function targetOf(row: RestoreRow, context: RestoreContext): Promise<CheckedTarget> {
  const [found] = await context.database.query<{ spec: unknown }[]>('SELECT spec FROM backup_targets WHERE id = $1', [
    row.target_id,
  ]);
  if (!found) throw new HozenError('NOT_FOUND', { what: 'target', id: row.target_name, list: 'configs' });
  const spec = requireValid(TargetSpec, found.spec, 'CONFIG_INVALID');
  return checkServer(spec, sessionName(row.id, Number(row.epoch)));
}

/** Nothing that is not opened stays. */
export async function dropUnfinished(row: RestoreRow, target: CheckedTarget, context: RestoreContext): Promise<void> {
  try {
    await using client = await connect(target.address, { applicationName: sessionName(row.id, Number(row.epoch)) });
    await dropLeftovers(client, row);
  } catch (failure) {
    context.log.error({ err: failure }, 'the unfinished databases could not be dropped; their names begin with hozen_');
  }
}
