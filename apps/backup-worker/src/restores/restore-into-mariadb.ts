import { HozenError, type TargetSpec, obstaclesText } from '@hozen/contracts';
import { connectMariadb, inspectMariadb, mariadbAddressOf, type MariadbClient } from '@hozen/dbms';
import { failpoint } from '@hozen/telemetry';
import { ArtefactFile } from '../artefact/artefact-file.js';
import type { StoredContent } from '../methods/mariadb-logical/dump-content.js';
import { CONTENT } from '../methods/mariadb-logical/dump-server.js';
import { mustBeChecked } from '../policy/with-policy.js';
import { storedAccounts } from '../restore/account-statements.js';
import { checkFile } from '../verification/check-file.js';
import { unconfinedWarnings } from '../verification/unconfined.js';
import type { AboutRestore, Destination } from './destination.js';
import { dumpOf } from './dump-of.js';
import { finishRestored } from './finish-restore.js';
import { RestoredAccounts, writtenAccounts } from './mariadb-accounts.js';
import { MariadbBeside, type MariadbAttempt } from './mariadb-beside.js';
import { markOpening, OutcomeUnknown } from './opening.js';
import {
  databasesOf,
  mariadbPlanOf,
  planMariadb,
  planWholeMariadb,
  type MariadbPlanGround,
  type WholeMariadbPlan,
} from './plan-mariadb.js';
import type { RestoreContext } from './restore-context.js';
import type { RestoreRow } from './restore-row.js';
import { unfinishedDatabases } from './unfinished-databases.js';
import { withDatabases } from './with-databases.js';

/**
 * Brings databases of a dump into a MariaDB or MySQL server, or all of it. The server cannot rename a database, so they have their names from the
 * beginning; until they are whole and compared, it says in the server that they are not, and whose they are.
 */
export class MariadbDestination implements Destination {
  constructor(
    private readonly row: RestoreRow,
    private readonly spec: TargetSpec,
    private readonly context: RestoreContext,
  ) {}

  async restore(about: AboutRestore): Promise<void> {
    const { context } = this;
    const { source, artefact } = await dumpOf(this.row, context.database, 'hozen-mariadb-logical');
    await using file = await ArtefactFile.open(artefact);
    const stored = JSON.parse((await file.readFile(CONTENT)).toString('utf8')) as StoredContent;
    const row = this.row.whole ? await withDatabases(this.row, databasesOf(artefact), context) : this.row;
    const names = new Map(row.databases.map(({ name, as }) => [name, as]));
    const beside = new MariadbBeside(row, names);
    await using client = await connectMariadb(await mariadbAddressOf(this.spec));
    const { address } = client;
    await beside.takeOver(client);
    const accounts = new RestoredAccounts(row, client);
    if (!row.opening) await dropLeftovers(row, client);
    const facts = await inspectMariadb(client);
    const attempt: MariadbAttempt = { client, address, facts, artefact, file, stored, about };
    const ground = { source, artefact, file, client, facts, row, signal: about.signal };
    // The worker that began to open them died before it could say so.
    const planned = row.opening ? await planOfOpening(ground) : await planOf(ground);
    const { obstacles, policy, warnings } = planned.view;
    if (!row.opening) {
      // The signature is that of the manifest, and the manifest says which bytes are right.
      if (source.signing) await checkFile(artefact, about);
      if (obstacles.length > 0) {
        const what = obstaclesText('en', obstacles);
        throw new HozenError('RESTORE_IMPOSSIBLE', { target: row.target_name, what });
      }
      if (mustBeChecked(policy)) await checkFile(artefact, about);
      about.ensureLease();
      await accounts.make(context.database, planned.accounts);
      await accounts.grantWhatCan(planned.accounts);
      await failpoint('restore.roles');
      await beside.restoreAll({ ...attempt, loaded: () => accounts.grant(planned.accounts) });
      about.signal.throwIfAborted();
      await markOpening(row, context);
    }
    await this.#open(attempt, names, () => accounts.open(planned.accounts));
    const restored = row.databases.map((each) => ({ ...each, tables: tablesOf(stored, each.name) }));
    await finishRestored(context.outbox, row, restored, [...warnings, ...(await unconfinedWarnings())]);
  }

  async undo(): Promise<void> {
    await using client = await connectMariadb(await mariadbAddressOf(this.spec));
    await new MariadbBeside(this.row, new Map()).takeOver(client);
    await dropLeftovers({ ...this.row, accounts: await writtenAccounts(this.row, this.context.database) }, client);
  }

  /** Says of each database that it is finished, which opens it. From here on nothing is dropped: who takes over goes on. */
  async #open(
    { client, stored, about }: MariadbAttempt,
    names: ReadonlyMap<string, string>,
    openAccounts: () => Promise<void>,
  ): Promise<void> {
    try {
      about.ensureLease();
      await openAccounts();
      const unfinished = unfinishedDatabases(client, this.row);
      const closed = await unfinished.find(client);
      for (const [name, as] of names) {
        if (!closed.has(as)) continue;
        await unfinished.open(client, as, stored.databases.find((each) => each.name === name)?.comment ?? '');
        await failpoint('restore.opened');
      }
      await unfinished.tidy(client);
    } catch (cause) {
      throw new OutcomeUnknown('it is not known whether all databases were opened', { cause });
    }
  }
}

/** The databases and then the accounts that attempts of this restore have made. */
async function dropLeftovers(row: RestoreRow, client: MariadbClient): Promise<void> {
  await new MariadbBeside(row, new Map()).dropLeftovers(client);
  await new RestoredAccounts(row, client).drop(row.accounts ?? []);
}

async function planOf(ground: MariadbPlanGround & { row: RestoreRow }): Promise<WholeMariadbPlan> {
  if (ground.row.whole) return planWholeMariadb(ground);
  return { view: await planMariadb(ground), accounts: [] };
}

/** Everything is there, and must be opened. */
async function planOfOpening(ground: MariadbPlanGround & { row: RestoreRow }): Promise<WholeMariadbPlan> {
  const made = new Set(ground.row.accounts);
  const accounts = made.size > 0 ? (await storedAccounts(ground.file)).filter(({ name }) => made.has(name)) : [];
  return { view: mariadbPlanOf(ground), accounts };
}

export function tablesOf(stored: StoredContent, name: string): number {
  return stored.tables.filter(({ database }) => database === name).length;
}
