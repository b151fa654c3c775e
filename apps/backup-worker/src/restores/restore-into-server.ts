import { HozenError, type TargetSpec, obstaclesText } from '@hozen/contracts';
import { connect, ensureSandbox, sessionName, terminateOlderSessions } from '@hozen/dbms';
import { failpoint } from '@hozen/telemetry';
import { ArtefactFile } from '../artefact/artefact-file.js';
import { checkServer } from '../methods/postgres-logical/check-target.js';
import type { CheckedTarget } from '../methods/postgres-logical/checked-target.js';
import { mustBeChecked } from '../policy/with-policy.js';
import { checkFile } from '../verification/check-file.js';
import { unconfinedWarnings } from '../verification/unconfined.js';
import type { AboutRestore, Destination } from './destination.js';
import { dumpOf } from './dump-of.js';
import { finishRestored } from './finish-restore.js';
import { markOpening, OutcomeUnknown } from './opening.js';
import { planRestore, planWhole, renamedWarning } from './plan-restore.js';
import {
  analyzeOpened,
  areOpened,
  dropLeftovers,
  openDatabases,
  restoreBeside,
  restoredDatabases,
  type BesideRestore,
} from './restore-beside.js';
import type { RestoreContext } from './restore-context.js';
import type { RestoreRow } from './restore-row.js';
import { createRoles, dropRoles, wholeCluster } from './whole-cluster.js';
import { withDatabases } from './with-databases.js';

/** Brings databases of a dump into a PostgreSQL server, beside what is there. */
export class ServerDestination implements Destination {
  readonly staysOpen = true;
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
    // What was never reached was never changed.
    if (!this.#target && this.row.attempt === 1) return;
    const applicationName = sessionName(this.row.id, Number(this.row.epoch));
    const target = (this.#target ??= await checkServer(this.spec, applicationName));
    await using client = await connect(target.address, { applicationName });
    await dropLeftovers(client, this.row);
    if (this.row.whole) await dropRoles(client, this.row);
  }
}

async function restoreIntoServer(
  asked: RestoreRow,
  target: CheckedTarget,
  context: RestoreContext,
  about: AboutRestore,
): Promise<void> {
  const { source, artefact } = await dumpOf(asked, context.database, 'hozen-postgres-logical');
  await using file = await ArtefactFile.open(artefact);
  const row = asked.whole ? await withDatabases(asked, await wholeCluster(file), context) : asked;
  const beside: BesideRestore = { row, file, target, jobs: source.jobs, ...about };
  const renamed = row.databases.filter(({ name, as }) => name !== as).map(({ name, as }) => renamedWarning(name, as));
  await using client = await connect(target.address, { applicationName: sessionName(row.id, Number(row.epoch)) });
  await terminateOlderSessions(client, `hozen/${row.id}`, Number(row.epoch));
  if (row.opening && (await areOpened(client, row))) {
    // The worker that opened them died before it could say so.
    const warnings = await analyzeOpened(beside);
    return finishRestored(context.outbox, row, await restoredDatabases(file, row.databases), [...renamed, ...warnings]);
  }
  await dropLeftovers(client, row);
  const ground = { source, artefact, file, target, client, targetName: row.target_name, allow: row.allow };
  // The signature is that of the manifest, and the manifest says which bytes are right.
  if (source.signing) await checkFile(artefact, about);
  const { obstacles, policy } = row.whole ? await planWhole(ground) : await planRestore(ground, row.databases);
  if (obstacles.length > 0) {
    const what = obstaclesText('en', obstacles);
    throw new HozenError('RESTORE_IMPOSSIBLE', { target: row.target_name, what });
  }
  ensureSandbox();
  if (mustBeChecked(policy)) await checkFile(artefact, about);
  if (row.whole) {
    about.ensureLease();
    await createRoles(client, row, file);
    await failpoint('restore.roles');
  }
  const restored = await restoreBeside(beside);
  about.signal.throwIfAborted();
  await failpoint('restore.beside');
  await markOpening(row, context);
  await openOrKnow(beside);
  const warnings = await analyzeOpened(beside);
  const unconfined = await unconfinedWarnings();
  await finishRestored(context.outbox, row, restored, [...renamed, ...warnings, ...unconfined]);
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
