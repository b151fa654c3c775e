import { HozenError, type RestorePlanView, type TargetSpec, obstaclesText, warningText } from '@hozen/contracts';
import { connectMariadb, inspectMariadb, mariadbAddressOf } from '@hozen/dbms';
import { failpoint, inSpan } from '@hozen/telemetry';
import { ArtefactFile } from '../artefact/artefact-file.js';
import type { StoredContent } from '../methods/mariadb-logical/dump-content.js';
import { CONTENT, STREAMS } from '../methods/mariadb-logical/dump-server.js';
import { ensureRights } from '../methods/mariadb-logical/inspect-target.js';
import { renamedDump } from '../restore/renamed-dump.js';
import { mustBeChecked } from '../policy/with-policy.js';
import { checkFile } from '../verification/check-file.js';
import { unconfinedWarnings } from '../verification/unconfined.js';
import type { AboutRestore, Destination } from './destination.js';
import { dumpOf } from './dump-of.js';
import type { RestoreSource } from './find-source.js';
import { finishRestored } from './finish-restore.js';
import { collected, MariadbBeside, type MariadbAttempt } from './mariadb-beside.js';
import { isSwapped, keptAs, MariadbSwap, type Swapped } from './mariadb-swap.js';
import { markOpening, OutcomeUnknown } from './opening.js';
import { IN_PLACE_RIGHTS, planMariadbInPlace } from './plan-mariadb-in-place.js';
import type { RestoreContext } from './restore-context.js';
import { tablesOf } from './restore-into-mariadb.js';
import type { RestoreRow } from './restore-row.js';
import { safetyBackup } from './safety-backup.js';

/** Events would act where they are compared: they are made when everything else has its place. */
const BESIDE = [STREAMS.dump, STREAMS.triggers];

/**
 * Puts databases of a dump into the place of those that bear their names on a MariaDB server: they are backed up, the new ones are made and
 * compared beside, and then all tables change places in one statement. What was there stays in a database of another name.
 */
export class MariadbInPlaceDestination implements Destination {
  readonly #besideOf: ReadonlyMap<string, string>;
  readonly #beside: MariadbBeside;

  constructor(
    private readonly row: RestoreRow,
    private readonly spec: TargetSpec,
    private readonly context: RestoreContext,
  ) {
    const prefix = `hozen_${row.id.replaceAll('-', '')}_`;
    this.#besideOf = new Map(row.databases.map(({ name }, index) => [name, prefix + index]));
    this.#beside = new MariadbBeside(row, this.#besideOf);
  }

  async restore(about: AboutRestore): Promise<void> {
    const { row, context } = this;
    if (!row.approval)
      throw new HozenError('APPROVAL_MISSING', { id: row.id, what: warningText('what.nobody-approved') });
    await this.#within(about.signal, async (attempt, swap, source) => {
      const tell = async () => this.#tell(attempt, await swap.complete());
      // The worker that swapped them died before everything was in its place.
      if (await swap.isDone()) {
        await orUnknown(async () => {
          await swap.close();
          await tell();
        });
        return;
      }
      await swap.undo();
      await this.#beside.dropLeftovers(attempt.client);
      const plan = await this.#ensureApproved(attempt, source, about.signal);
      if (source.signing || mustBeChecked(plan.policy)) await checkFile(attempt.artefact, about);
      await inSpan('safety backup', {}, () => safetyBackup(row, plan.inPlace?.safetyConfig ?? '', context, about));
      await this.#beside.restoreAll({ ...attempt, about }, BESIDE);
      about.signal.throwIfAborted();
      await failpoint('restore.beside');
      await swap.close();
      await swap.prepare();
      about.ensureLease();
      await markOpening(row, context);
      await this.#swapOrKnow(attempt, swap);
      await orUnknown(tell);
    });
  }

  /** As it was before: nothing beside, and everybody may write. Where the tables have changed places, that is ended. */
  async undo(): Promise<void> {
    if (!this.row.approval) return;
    await this.#within(new AbortController().signal, async ({ client }, swap) => {
      if (!(await swap.isDone())) {
        await swap.undo();
        await this.#beside.dropLeftovers(client);
        return;
      }
      try {
        await swap.complete();
      } finally {
        await swap.reopen();
      }
    });
  }

  async #within(
    signal: AbortSignal,
    work: (attempt: Omit<MariadbAttempt, 'about'>, swap: MariadbSwap, source: RestoreSource) => Promise<void>,
  ): Promise<void> {
    const { row, context } = this;
    const { source, artefact } = await dumpOf(row, context.database, 'hozen-mariadb-logical');
    await using file = await ArtefactFile.open(artefact);
    const stored = JSON.parse((await file.readFile(CONTENT)).toString('utf8')) as StoredContent;
    await using client = await connectMariadb(await mariadbAddressOf(this.spec));
    const { address } = client;
    await this.#beside.takeOver(client);
    const facts = await inspectMariadb(client, IN_PLACE_RIGHTS);
    ensureRights(address, facts);
    const swapped: Swapped[] = [];
    for (const { name, as } of row.databases) {
      const settings = stored.databases.find((each) => each.name === name);
      if (!settings) throw new HozenError('NOT_FOUND', { what: 'database', id: name, list: 'runs' });
      const events = await collected(renamedDump(file.read(file.stream(STREAMS.events)), new Map([[name, as]])));
      swapped.push({ name: as, beside: this.#besideOf.get(name) ?? '', kept: keptAs(row, as), settings, events });
    }
    const swap = new MariadbSwap(row, client, context, swapped, signal);
    this.#swapped = swapped;
    await work({ client, address, facts, artefact, file, stored }, swap, source);
  }

  #swapped: readonly Swapped[] = [];

  /** What is approved of is what runs, or nothing does. */
  async #ensureApproved(
    { client, facts, artefact, file }: Pick<MariadbAttempt, 'client' | 'facts' | 'artefact' | 'file'>,
    source: RestoreSource,
    signal: AbortSignal,
  ): Promise<RestorePlanView> {
    const ground = { source, artefact, file, client, facts, row: this.row, signal };
    const plan = await planMariadbInPlace(ground, this.context.database.manager);
    if (plan.hash !== this.row.plan_hash) {
      const detail = obstaclesText('en', plan.obstacles);
      throw new HozenError('PLAN_CHANGED', {}, detail === '' ? {} : { detail });
    }
    return plan;
  }

  /** The answer to the statement may be lost. Then the server is asked what became of it. */
  async #swapOrKnow({ address }: Pick<MariadbAttempt, 'address'>, swap: MariadbSwap): Promise<void> {
    try {
      await swap.swap();
    } catch (error) {
      let swapped: boolean;
      try {
        await using other = await connectMariadb(address);
        // Not before the session that was asked has ended, whatever it does still.
        await this.#beside.takeOver(other);
        swapped = await isSwapped(other, this.#swapped);
      } catch {
        throw new OutcomeUnknown('it is not known whether the databases were swapped', { cause: error });
      }
      if (swapped) throw new OutcomeUnknown('the tables have changed places, and nothing else yet', { cause: error });
      throw error;
    }
  }

  async #tell({ stored }: Pick<MariadbAttempt, 'stored'>, refused: readonly string[]): Promise<void> {
    const restored = this.row.databases.map((each) => ({ ...each, tables: tablesOf(stored, each.name) }));
    const warnings = this.#swapped.map(({ name, kept }) => warningText('restore.kept-mariadb', { name, kept }));
    await failpoint('restore.completed');
    await finishRestored(this.context.outbox, this.row, restored, [
      ...warnings,
      ...refused,
      ...(await unconfinedWarnings()),
    ]);
  }
}

/** They are swapped: whatever happens now, somebody goes on. */
async function orUnknown(work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (cause) {
    throw new OutcomeUnknown('the databases are swapped, and it could not be ended', { cause });
  }
}
