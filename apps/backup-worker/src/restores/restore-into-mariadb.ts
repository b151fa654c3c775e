import { HozenError, type TargetSpec, obstaclesText } from '@hozen/contracts';
import { connectMariadb, inspectMariadb, mariadbAddressOf } from '@hozen/dbms';
import { failpoint } from '@hozen/telemetry';
import { ArtefactFile } from '../artefact/artefact-file.js';
import type { StoredContent } from '../methods/mariadb-logical/dump-content.js';
import { CONTENT } from '../methods/mariadb-logical/dump-server.js';
import { mustBeChecked } from '../policy/with-policy.js';
import { checkFile } from '../verification/check-file.js';
import { unconfinedWarnings } from '../verification/unconfined.js';
import type { AboutRestore, Destination } from './destination.js';
import { dumpOf } from './dump-of.js';
import { finishRestored } from './finish-restore.js';
import { MariadbBeside, type MariadbAttempt } from './mariadb-beside.js';
import { markOpening, OutcomeUnknown } from './opening.js';
import { mariadbPlanOf, planMariadb } from './plan-mariadb.js';
import type { RestoreContext } from './restore-context.js';
import type { RestoreRow } from './restore-row.js';
import { unfinishedDatabases } from './unfinished-databases.js';

/**
 * Brings databases of a dump into a MariaDB or MySQL server. The server cannot rename a database, so they have their names from the
 * beginning; until they are whole and compared, it says in the server that they are not, and whose they are.
 */
export class MariadbDestination implements Destination {
  readonly #names: ReadonlyMap<string, string>;
  readonly #beside: MariadbBeside;

  constructor(
    private readonly row: RestoreRow,
    private readonly spec: TargetSpec,
    private readonly context: RestoreContext,
  ) {
    this.#names = new Map(row.databases.map(({ name, as }) => [name, as]));
    this.#beside = new MariadbBeside(row, this.#names);
  }

  async restore(about: AboutRestore): Promise<void> {
    const { row, context } = this;
    const { source, artefact } = await dumpOf(row, context.database, 'hozen-mariadb-logical');
    await using file = await ArtefactFile.open(artefact);
    const stored = JSON.parse((await file.readFile(CONTENT)).toString('utf8')) as StoredContent;
    await using client = await connectMariadb(await mariadbAddressOf(this.spec));
    const { address } = client;
    await this.#beside.takeOver(client);
    if (!row.opening) await this.#beside.dropLeftovers(client);
    const facts = await inspectMariadb(client);
    const attempt: MariadbAttempt = { client, address, facts, artefact, file, stored, about };
    const ground = { source, artefact, file, client, facts, row, signal: about.signal };
    // The worker that began to open them died before it could say so.
    const { obstacles, policy, warnings } = row.opening ? mariadbPlanOf(ground) : await planMariadb(ground);
    if (!row.opening) {
      // The signature is that of the manifest, and the manifest says which bytes are right.
      if (source.signing) await checkFile(artefact, about);
      if (obstacles.length > 0) {
        const what = obstaclesText('en', obstacles);
        throw new HozenError('RESTORE_IMPOSSIBLE', { target: row.target_name, what });
      }
      if (mustBeChecked(policy)) await checkFile(artefact, about);
      await this.#beside.restoreAll(attempt);
      about.signal.throwIfAborted();
      await markOpening(row, context);
    }
    await this.#open(attempt);
    const restored = row.databases.map((each) => ({ ...each, tables: tablesOf(stored, each.name) }));
    await finishRestored(context.outbox, row, restored, [...warnings, ...(await unconfinedWarnings())]);
  }

  async undo(): Promise<void> {
    await using client = await connectMariadb(await mariadbAddressOf(this.spec));
    await this.#beside.takeOver(client);
    await this.#beside.dropLeftovers(client);
  }

  /** Says of each database that it is finished, which opens it. From here on nothing is dropped: who takes over goes on. */
  async #open({ client, stored, about }: MariadbAttempt): Promise<void> {
    try {
      about.ensureLease();
      const unfinished = unfinishedDatabases(client, this.row);
      const closed = await unfinished.find(client);
      for (const [name, as] of this.#names) {
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

export function tablesOf(stored: StoredContent, name: string): number {
  return stored.tables.filter(({ database }) => database === name).length;
}
