import {
  HozenError,
  type RestoreObstacle,
  type RestorePlanView,
  type TargetSpec,
  obstaclesText,
  warningText,
} from '@hozen/contracts';
import { connect, sessionName, terminateOlderSessions, toolEnvironment, type TargetClient } from '@hozen/dbms';
import { failpoint } from '@hozen/telemetry';
import { ArtefactFile } from '../artefact/artefact-file.js';
import { checkServer } from '../methods/postgres-logical/check-target.js';
import type { CheckedTarget } from '../methods/postgres-logical/checked-target.js';
import { mustBeChecked } from '../policy/with-policy.js';
import { mergeEntries, type MergedEntries } from '../parts/merge-entries.js';
import { storedPart, type StoredPart } from '../parts/stored-part.js';
import { CustomFormatReader, type TocEntry } from '../pipeline/custom-format.js';
import { inLargePieces } from '../pipeline/large-pieces.js';
import { runInto } from '../pipeline/pour.js';
import { checkFile } from '../verification/check-file.js';
import { unconfinedWarnings } from '../verification/unconfined.js';
import type { AboutRestore, Destination } from './destination.js';
import { dumpOf } from './dump-of.js';
import { finishRestored } from './finish-restore.js';
import { mergePart } from './merge-part.js';
import { markOpening, OutcomeUnknown } from './opening.js';
import { planRestore, type PlanGround } from './plan-restore.js';
import {
  analyzeOpened,
  dropLeftovers,
  nameBeside,
  prefixOf,
  restoreBeside,
  restoredDatabases,
  type BesideRestore,
} from './restore-beside.js';
import type { RestoreContext } from './restore-context.js';
import type { RestoreRow, WantedDatabase } from './restore-row.js';

const REMEMBER = `UPDATE restores SET result = $3::jsonb WHERE id = $1 AND epoch = $2 AND state = 'running'`;

/**
 * Brings chosen tables of a dump into a database that is there. They are restored and compared beside, and made in it in one
 * transaction; that also marks the database beside, so that whoever takes over knows whether it happened.
 */
export class MergeDestination implements Destination {
  readonly staysOpen = true;
  #target: CheckedTarget | undefined;

  constructor(
    private readonly row: RestoreRow,
    private readonly spec: TargetSpec,
    private readonly context: RestoreContext,
  ) {}

  async restore(about: AboutRestore): Promise<void> {
    const { row, context } = this;
    const target = (this.#target = await checkServer(this.spec, this.#session));
    const { source, artefact } = await dumpOf(row, context.database, 'hozen-postgres-logical');
    await using file = await ArtefactFile.open(artefact);
    await using client = await connect(target.address, { applicationName: this.#session });
    await terminateOlderSessions(client, `hozen/${row.id}`, Number(row.epoch));
    const beside: BesideRestore = { row, file, target, jobs: source.jobs, ...about };
    // The worker that merged them died before it could say so.
    if (row.result ?? (row.opening && (await this.#isMerged(client)))) {
      await this.#tell(client, beside);
      return;
    }
    await dropLeftovers(client, row);
    if (source.signing) await checkFile(artefact, about);
    const ground = { source, artefact, file, target, client, targetName: row.target_name, allow: row.allow };
    const [wanted] = row.databases;
    const { plan, merged } = await planMerge(ground, wanted);
    if (plan.obstacles.length > 0 || !merged || !wanted) {
      const what = obstaclesText('en', plan.obstacles);
      throw new HozenError('RESTORE_IMPOSSIBLE', { target: row.target_name, what });
    }
    if (mustBeChecked(plan.policy)) await checkFile(artefact, about);
    await restoreBeside(beside);
    about.signal.throwIfAborted();
    await failpoint('restore.beside');
    await markOpening(row, context);
    try {
      await mergePart({ ...beside, ...merged, beside: nameBeside(row, 0), into: wanted.as, mark: this.#mark });
    } catch (error) {
      if (!(await this.#wasMerged(target, error))) throw error;
    }
    await this.#tell(client, beside);
  }

  async undo(): Promise<void> {
    if (!this.#target && this.row.attempt === 1) return;
    const target = (this.#target ??= await checkServer(this.spec, this.#session));
    await using client = await connect(target.address, { applicationName: this.#session });
    if (await this.#isMerged(client)) throw new OutcomeUnknown('the tables are there, and it was not told');
    await dropLeftovers(client, this.row);
  }

  get #session(): string {
    return sessionName(this.row.id, Number(this.row.epoch));
  }

  get #mark(): string {
    return `hozen restore ${this.row.id} is done`;
  }

  async #isMerged(client: TargetClient): Promise<boolean> {
    const { rowCount } = await client.query(
      `SELECT FROM pg_database WHERE starts_with(datname::text, $1) AND shobj_description(oid, 'pg_database') = $2`,
      [prefixOf(this.row), this.#mark],
    );
    return (rowCount ?? 0) > 0;
  }

  /** The answer to the end may be lost. Then the server is asked what became of it. */
  async #wasMerged({ address }: CheckedTarget, cause: unknown): Promise<boolean> {
    try {
      await using other = await connect(address, { applicationName: this.#session });
      // A session that is still at its end ends first.
      await other.query(`SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
        WHERE application_name = current_setting('application_name') AND pid <> pg_backend_pid() AND datname = ${other.escapeLiteral(this.row.databases[0]?.as ?? '')}`);
      return await this.#isMerged(other);
    } catch {
      throw new OutcomeUnknown('it is not known whether the tables were made', { cause });
    }
  }

  /** They are there: whatever happens now, that is what is told in the end. It is written down before what bears the mark goes. */
  async #tell(client: TargetClient, beside: BesideRestore): Promise<void> {
    const { row, context } = this;
    const missed = await analyzeOpened(beside);
    try {
      const restored = await restoredDatabases(beside.file, row.databases);
      await context.database.query(REMEMBER, [row.id, row.epoch, JSON.stringify(restored)]);
      await dropLeftovers(client, row);
      await failpoint('restore.dropped');
      await finishRestored(context.outbox, row, restored, [...missed, ...(await unconfinedWarnings())]);
    } catch (cause) {
      throw new OutcomeUnknown('the tables are there, and it could not be told', { cause });
    }
  }
}

interface MergePlan {
  plan: RestorePlanView;
  merged?: { folder: string; part: StoredPart; entries: MergedEntries };
}

/** What a restore into a database that is there would do, and everything that stands in its way. Changes nothing. */
export async function planMerge(ground: PlanGround, wanted: WantedDatabase | undefined): Promise<MergePlan> {
  const { file, artefact, target } = ground;
  const plan = await planRestore(ground, wanted ? [wanted] : []);
  const stored = artefact.manifest.databases.find(({ name }) => name === wanted?.name);
  const obstacles = plan.obstacles.filter(({ kind }) => kind !== 'database-exists' && kind !== 'locale-missing');
  const into = target.facts.databases.find(({ name }) => name === wanted?.as);
  const obstacle = (kind: RestoreObstacle, what: string) => ({ kind, what });
  if (!into) obstacles.push(obstacle('database-missing', wanted?.as ?? ''));
  if (!stored || !into || !wanted) return { plan: { ...plan, obstacles } };
  for (const { encoding } of [stored, into]) {
    if (encoding !== 'UTF8') obstacles.push(obstacle('wrong-method', warningText('what.only-utf8', { encoding })));
  }
  const part = await storedPart(file, stored.folder, wanted);
  const entries = mergeEntries(part, await definitionsOf(target, into.name));
  obstacles.push(...entries.taken.map((name) => obstacle('table-exists', name)));
  const different = entries.different.map((name) => warningText('restore.stays-different', { name }));
  return {
    plan: { ...plan, obstacles, warnings: different },
    merged: { folder: stored.folder, part, entries },
  };
}

async function definitionsOf({ address, tools }: CheckedTarget, database: string) {
  await using env = await toolEnvironment(address);
  const entries: TocEntry[] = [];
  const archive = new CustomFormatReader({ onEntry: (entry) => entries.push(entry) });
  const args = ['--format=custom', '--compress=0', '--no-password', '--section=pre-data', '--section=post-data'];
  const tool = { path: tools.path('pg_dump'), args: [...args, '--lock-wait-timeout=60000'] };
  await runInto({ ...tool, env: inLargePieces(env.forDatabase(database)) }, (chunk) => {
    archive.push(chunk);
    return undefined;
  });
  archive.end();
  return entries;
}
