import { dirname } from 'node:path';
import { HozenError, obstaclesText, warningText } from '@hozen/contracts';
import { findProgram, toolOutput } from '@hozen/dbms';
import { failpoint, inSpan } from '@hozen/telemetry';
import { publishedArtefact } from '../storage/committed-artefact.js';
import { ensureExchange } from '../storage/file/exchange-names.js';
import { onStorage } from '../storage/storage-error.js';
import { checkFile } from '../verification/check-file.js';
import { restoreAndCompareTree } from '../verification/restore-and-compare-tree.js';
import type { AboutRestore, Destination } from './destination.js';
import { sourceOf } from './find-source.js';
import { finishRestored } from './finish-restore.js';
import { OutcomeUnknown } from './opening.js';
import { planTreeInPlace, type TreePlan } from './plan-tree-in-place.js';
import type { RestoreContext } from './restore-context.js';
import type { RestoreRow } from './restore-row.js';
import { warningsOf } from './restore-tree-directory.js';
import { TreeExchange } from './tree-swap.js';

/**
 * Puts a tree of files into the place of a folder: it is restored and compared beside, and the two change names in one step. What was there
 * stays under another name. Before that step everything can be undone; after it there is nothing to undo.
 */
export class TreeInPlaceDestination implements Destination {
  readonly staysOpen = true;
  readonly #exchange: TreeExchange;

  constructor(
    private readonly row: RestoreRow & { directory: string },
    private readonly context: RestoreContext,
  ) {
    this.#exchange = new TreeExchange(row, context);
  }

  async restore(about: AboutRestore): Promise<void> {
    const { row } = this;
    if (!row.approval)
      throw new HozenError('APPROVAL_MISSING', { id: row.id, what: warningText('what.nobody-approved') });
    await this.#exchange.clear();
    // The worker that exchanged them died before it could say so.
    const done = await this.#exchange.isDone();
    if (done) return this.#tell(done.warnings);
    const plan = await this.#approvedPlan(about);
    const warnings = await inSpan('restore in place', { attributes: { 'file.path': row.directory } }, () =>
      onStorage(row.directory, () => this.#replace(plan, about)),
    );
    await this.#tell(warnings);
  }

  /** As it was before: nothing beside. */
  async undo(): Promise<void> {
    if (this.row.approval) await this.#exchange.clear();
  }

  /** What is approved of is what runs, or nothing does. */
  async #approvedPlan(about: AboutRestore): Promise<TreePlan & { old: string }> {
    const { row, context } = this;
    const { restoreFolders, database } = context;
    const source = await sourceOf(row, database);
    const artefact = await publishedArtefact(source.path, source);
    const { directory, allow } = row;
    const ground = { source, artefact, directory, restoreFolders, manager: database.manager, allow };
    const { old, ...plan } = await planTreeInPlace(ground);
    if (plan.view.hash !== row.plan_hash || old === undefined) {
      const detail = obstaclesText('en', plan.view.obstacles);
      throw new HozenError('PLAN_CHANGED', {}, detail === '' ? {} : { detail });
    }
    // The signature is that of the manifest, and the manifest says which bytes are right.
    if (source.signing) for (const each of plan.chain) await checkFile(each, about);
    return { ...plan, old };
  }

  async #replace({ chain, old }: TreePlan & { old: string }, about: AboutRestore): Promise<string[]> {
    const { directory } = this.row;
    const { beside } = this.#exchange;
    await ensureExchange(dirname(directory));
    const { notSet } = await restoreAndCompareTree(chain, beside, about);
    await toolOutput({ path: findProgram('sync') ?? '/bin/sync', args: ['--file-system', beside] });
    await failpoint('restore.beside');
    about.signal.throwIfAborted();
    about.ensureLease();
    const warnings = warningsOf(notSet);
    try {
      await this.#exchange.exchange(old, warnings, () => failpoint('restore.before-swap'));
    } catch (error) {
      if (!(await this.#isDone(error))) throw error;
    }
    return warnings;
  }

  /** The answer may be lost. Then the folder is looked at. */
  async #isDone(cause: unknown): Promise<boolean> {
    try {
      return (await this.#exchange.isDone()) !== undefined;
    } catch {
      throw new OutcomeUnknown('it is not known whether the folders have changed names', { cause });
    }
  }

  /** They are exchanged: whatever happens now, that is what is told in the end. */
  async #tell(warnings: readonly string[]): Promise<void> {
    const { row, context } = this;
    try {
      await failpoint('restore.swapped');
      // What was there still has the name of what came.
      await this.#exchange.clear();
      await failpoint('restore.kept');
      const { kept } = this.#exchange;
      const told = warningText('restore.kept-tree', { name: row.directory, kept });
      await finishRestored(context.outbox, row, [], [told, ...warnings]);
    } catch (cause) {
      throw new OutcomeUnknown('the folders have changed names, and it could not be told', { cause });
    }
  }
}
