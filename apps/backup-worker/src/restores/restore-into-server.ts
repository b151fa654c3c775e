import { HozenError, type TargetSpec } from '@hozen/contracts';
import { connect, sessionName, terminateOlderSessions } from '@hozen/dbms';
import { ArtefactFile } from '../artefact/artefact-file.js';
import { checkServer, type CheckedTarget } from '../methods/postgres-logical/check-target.js';
import { publishedArtefact } from '../storage/committed-artefact.js';
import { checkFile } from '../verification/check-file.js';
import type { AboutRestore, Destination } from './destination.js';
import { sourceOf } from './find-source.js';
import { finishRestored } from './finish-restore.js';
import { markOpening, OutcomeUnknown } from './opening.js';
import { planRestore, renamedWarning } from './plan-restore.js';
import {
  areOpened,
  dropLeftovers,
  openDatabases,
  restoreBeside,
  restoredDatabases,
  type BesideRestore,
} from './restore-beside.js';
import type { RestoreContext } from './restore-context.js';
import type { RestoreRow } from './restore-row.js';
import { wrongMethod } from './wrong-method.js';

/** Brings databases of a dump into a PostgreSQL server, beside what is there. */
export class ServerDestination implements Destination {
  #target: CheckedTarget | undefined;

  constructor(
    private readonly row: RestoreRow,
    private readonly spec: TargetSpec,
    private readonly context: RestoreContext,
  ) {}

  async restore(about: AboutRestore): Promise<void> {
    this.#target = await checkServer(this.spec, sessionName(this.row.id, Number(this.row.epoch)));
    await restoreIntoServer(this.row, this.#target, this.context, about);
  }

  /** Nothing that is not opened stays. */
  async undo(): Promise<void> {
    if (!this.#target) return;
    const applicationName = sessionName(this.row.id, Number(this.row.epoch));
    await using client = await connect(this.#target.address, { applicationName });
    await dropLeftovers(client, this.row);
  }
}

async function restoreIntoServer(
  row: RestoreRow,
  target: CheckedTarget,
  context: RestoreContext,
  about: AboutRestore,
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
    return finishRestored(context.outbox, row, await restoredDatabases(file, row.databases), renamed);
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
