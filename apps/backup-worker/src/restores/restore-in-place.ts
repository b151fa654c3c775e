import { setTimeout as delay } from 'node:timers/promises';
import { HozenError, type RestorePlanView, type TargetSpec, obstaclesText, warningText } from '@hozen/contracts';
import { connect, ensureSandbox, sessionName, type TargetClient, terminateOlderSessions } from '@hozen/dbms';
import { failpoint, inSpan } from '@hozen/telemetry';
import { ArtefactFile } from '../artefact/artefact-file.js';
import { checkServer } from '../methods/postgres-logical/check-target.js';
import type { CheckedTarget } from '../methods/postgres-logical/checked-target.js';
import { recordNormal } from '../performance/normal.js';
import { mustBeChecked } from '../policy/with-policy.js';
import { checkFile } from '../verification/check-file.js';
import { unconfinedWarnings } from '../verification/unconfined.js';
import { closeDatabases, endSessions, limitStatement, reopenDatabases } from './close-databases.js';
import type { AboutRestore, Destination } from './destination.js';
import { dumpOf } from './dump-of.js';
import { finishRestored } from './finish-restore.js';
import { markOpening, OutcomeUnknown } from './opening.js';
import { planInPlace } from './plan-in-place.js';
import {
  analyzeOpened,
  dropLeftovers,
  openDatabases,
  restoreBeside,
  restoredDatabases,
  type BesideRestore,
} from './restore-beside.js';
import type { RestoreContext } from './restore-context.js';
import type { ClosedDatabase, RestoredDatabase, RestoreRow } from './restore-row.js';
import { safetyBackup } from './safety-backup.js';

/** Sessions that come back again and again are ended so often. */
const SWAP_TRIES = 20;
const BETWEEN_TRIES_MS = 250;
const MOST_NAME_BYTES = 63;

/**
 * Puts databases of a dump into the place of those that bear their names: they are backed up and closed, the new ones are made and
 * compared beside, and all change names in one transaction. What was there stays under another name, closed. Until that
 * transaction everything can be undone; after it there is nothing to undo.
 */
export class InPlaceDestination implements Destination {
  readonly staysOpen = true;
  #target: CheckedTarget | undefined;

  constructor(
    private readonly row: RestoreRow,
    private readonly spec: TargetSpec,
    private readonly context: RestoreContext,
  ) {}

  async restore(about: AboutRestore): Promise<void> {
    const { row, context } = this;
    if (!row.approval)
      throw new HozenError('APPROVAL_MISSING', { id: row.id, what: warningText('what.nobody-approved') });
    const target = (this.#target = await checkServer(this.spec, this.#session));
    const { source, artefact } = await dumpOf(row, context.database, 'hozen-postgres-logical');
    await using file = await ArtefactFile.open(artefact);
    await using client = await connect(target.address, { applicationName: this.#session });
    await terminateOlderSessions(client, `hozen/${row.id}`, Number(row.epoch));
    const restored = await restoredDatabases(file, row.databases);
    const beside: BesideRestore = { row, file, target, jobs: source.jobs, ...about };
    // The worker that swapped them died before it could say so.
    if (row.opening && (await this.#isSwapped(client))) {
      return this.#tell(restored, await analyzeOpened(beside));
    }
    await dropLeftovers(client, row);
    const ground = { source, artefact, file, target, client, targetName: row.target_name, allow: row.allow };
    const plan = await planInPlace(ground, row.databases, context.database.manager);
    this.#ensureApproved(plan);
    ensureSandbox();
    if (source.signing || mustBeChecked(plan.policy)) await checkFile(artefact, about);
    await recordNormal(context.database, row, this.spec);
    await inSpan('safety backup', {}, () => safetyBackup(row, plan.inPlace?.safetyConfig ?? '', context, about));
    const names = row.databases.map(({ as }) => as);
    const closed = await inSpan('close databases', {}, () => closeDatabases(client, row, names, context));
    await failpoint('restore.closed');
    await restoreBeside(beside);
    about.signal.throwIfAborted();
    await failpoint('restore.beside');
    await markOpening(row, context);
    await this.#swapOrKnow(beside, client, closed);
    await this.#tell(restored, await analyzeOpened(beside));
  }

  /** As it was before: nothing beside, and everybody who was let in is let in again. */
  async undo(): Promise<void> {
    if (!this.row.approval) return;
    const target = (this.#target ??= await checkServer(this.spec, this.#session));
    await using client = await connect(target.address, { applicationName: this.#session });
    if (this.row.opening && (await this.#isSwapped(client))) return;
    await dropLeftovers(client, this.row);
    await reopenDatabases(client, this.row, this.context);
  }

  get #session(): string {
    return sessionName(this.row.id, Number(this.row.epoch));
  }

  /** What is approved of is what runs, or nothing does. */
  #ensureApproved(plan: RestorePlanView): void {
    if (plan.hash !== this.row.plan_hash) {
      const detail = obstaclesText('en', plan.obstacles);
      throw new HozenError('PLAN_CHANGED', {}, detail === '' ? {} : { detail });
    }
  }

  /** The name that what was there has from now on. */
  #keptAs(as: string): string {
    const end = `_before_${this.row.id.slice(0, 8)}`;
    let name = as;
    while (Buffer.byteLength(name + end) > MOST_NAME_BYTES) name = Array.from(name).slice(0, -1).join('');
    return name + end;
  }

  async #isSwapped(client: TargetClient): Promise<boolean> {
    const kept = this.row.databases.map(({ as }) => this.#keptAs(as));
    const { rowCount } = await client.query('SELECT FROM pg_database WHERE datname = ANY ($1)', [kept]);
    return rowCount === kept.length;
  }

  /** The answer to the swap may be lost. Then the server is asked what became of it. */
  async #swapOrKnow(beside: BesideRestore, client: TargetClient, closed: ClosedDatabase[]): Promise<void> {
    try {
      await this.#swap(beside, client, closed);
    } catch (error) {
      let swapped: boolean;
      try {
        await using other = await connect(beside.target.address, { applicationName: this.#session });
        swapped = await this.#isSwapped(other);
      } catch {
        throw new OutcomeUnknown('it is not known whether the databases were swapped', { cause: error });
      }
      if (!swapped) throw error;
    }
  }

  async #swap(beside: BesideRestore, client: TargetClient, closed: ClosedDatabase[]): Promise<void> {
    const quoted = (name: string) => client.escapeIdentifier(name);
    const limitOf = (name: string) => closed.find((each) => each.name === name)?.limit ?? -1;
    const names = this.row.databases.map(({ as }) => as);
    for (let tries = 1; ; tries += 1) {
      await endSessions(client, names);
      try {
        return await openDatabases(beside, {
          before: ({ as }) => [`ALTER DATABASE ${quoted(as)} RENAME TO ${quoted(this.#keptAs(as))}`],
          after: ({ as }) => [limitStatement(client, as, limitOf(as))],
        });
      } catch (error) {
        // Somebody who may come in at any time has come in again.
        if (!(error instanceof HozenError) || error.code !== 'TARGET_LOCKED' || tries === SWAP_TRIES) throw error;
        await delay(BETWEEN_TRIES_MS, undefined, { signal: beside.signal });
      }
    }
  }

  /** They are swapped: whatever happens now, that is what is told in the end. */
  async #tell(restored: RestoredDatabase[], missed: string[]): Promise<void> {
    const warnings = this.row.databases.map(({ as }) =>
      warningText('restore.kept-postgres', { name: as, kept: this.#keptAs(as) }),
    );
    try {
      await failpoint('restore.swapped');
      await finishRestored(this.context.outbox, this.row, restored, [
        ...warnings,
        ...missed,
        ...(await unconfinedWarnings()),
      ]);
    } catch (cause) {
      throw new OutcomeUnknown('the databases are swapped, and it could not be told', { cause });
    }
  }
}
