import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { asHozenError, HozenError, newEvent, requireValid, TargetSpec } from '@hozen/contracts';
import { connect, sessionName, terminateOlderSessions } from '@hozen/dbms';
import { HandBack, JobSignals, LeaseKeeper } from '@hozen/persistence';
import { inSpan, withLogFields } from '@hozen/telemetry';
import { ArtefactFile } from '../artefact/artefact-file.js';
import { checkServer, type CheckedTarget } from '../methods/postgres-logical/check-target.js';
import { traced } from '../runs/begin-attempt.js';
import { LEASE_SECONDS } from '../runs/claim-run.js';
import type { RestoreContext } from './restore-context.js';
import { SOURCE } from '../runs/facts.js';
import { ProgressMeter } from '../runs/progress-meter.js';
import { publishedArtefact } from '../storage/committed-artefact.js';
import { checkFile } from '../verification/check-file.js';
import { renewRestore } from './claim-restore.js';
import { findSource, isSource, type RestoreSource } from './find-source.js';
import { finishNotRestored, finishRestored } from './finish-restore.js';
import { planDirectory } from './plan-directory.js';
import { isRestored, removeUnfinished, restoreDirectory, type DirectoryRestore } from './restore-directory.js';
import { planRestore, renamedWarning } from './plan-restore.js';
import { areOpened, dropLeftovers, openDatabases, restoreBeside, type BesideRestore } from './restore-beside.js';
import { wrongMethod } from './wrong-method.js';
import { restoreFacts, type RestoreRow } from './restore-row.js';

const RENEW_EVERY_MS = 2_000;
/** RS-3: a restore that takes longer than a day is stuck. */
const LIMIT_MINUTES = 24 * 60;
/** Workers that may die with it before it is given up. */
const TAKEOVERS_ALLOWED = 3;

/** A claimed restore, from the claim to its end. What cannot be settled is left to the lease. */
export async function executeRestore(row: RestoreRow, claimedAt: number, context: RestoreContext): Promise<void> {
  const attributes = { 'hozen.restore_id': row.id, 'hozen.attempt': row.attempt, 'hozen.epoch': Number(row.epoch) };
  await withLogFields({ restore_id: row.id, attempt: row.attempt }, () =>
    inSpan('run restore', { attributes, parent: row.traceparent ?? undefined }, async () => {
      try {
        await executeLeased(row, claimedAt, context);
      } catch (error) {
        context.log.error({ err: error }, 'the restore could not be settled; its lease runs out and another follows');
      }
    }),
  );
}

async function executeLeased(row: RestoreRow, claimedAt: number, context: RestoreContext): Promise<void> {
  const meter = new ProgressMeter();
  let signals: JobSignals | undefined;
  await using lease = LeaseKeeper.keep({
    ttlMs: LEASE_SECONDS * 1000,
    everyMs: RENEW_EVERY_MS,
    claimedAt,
    renew: async () => {
      const renewal = await renewRestore(context.database, row, meter.current());
      if (renewal.cancel) signals?.cancel();
      return renewal.held;
    },
  });
  const timedOut = new HozenError('TIMED_OUT', { minutes: LIMIT_MINUTES });
  signals = new JobSignals(lease, context.shutdown, LIMIT_MINUTES * 60_000, timedOut);
  const spoolDir = join(context.spoolRoot, `${row.id}.${row.epoch}`);
  let target: CheckedTarget | undefined;
  try {
    if (row.cancel_requested_at) throw new HozenError('CANCELLED');
    if (row.attempt > TAKEOVERS_ALLOWED + 1) throw new HozenError('ABANDONED', { attempts: row.attempt - 1 });
    if (row.directory !== null) {
      await announce(row, context);
      await restoreIntoDirectory({ ...row, directory: row.directory }, context, {
        signal: signals.signal,
        progress: (update) => meter.update(update),
        ensureLease: () => lease.ensure(),
      });
      return;
    }
    await mkdir(spoolDir, { recursive: true, mode: 0o711 });
    meter.update({ phase: 'checking', item: row.target_name });
    await announce(row, context);
    target = await checkServer(await targetOf(row, context), sessionName(row.id, Number(row.epoch)));
    await restoreInto(row, target, context, {
      spoolDir,
      signal: signals.signal,
      progress: (update) => meter.update(update),
      ensureLease: () => lease.ensure(),
    });
  } catch (error) {
    if (error instanceof OutcomeUnknown) throw error;
    await settle(row, target, signals.reasonOr(error), context);
  } finally {
    signals[Symbol.dispose]();
    await rm(spoolDir, { recursive: true, force: true });
  }
}

async function restoreInto(
  row: RestoreRow,
  target: CheckedTarget,
  context: RestoreContext,
  about: Omit<BesideRestore, 'row' | 'file' | 'target'>,
): Promise<void> {
  const renamed = row.databases.filter(({ name, as }) => name !== as).map(({ name, as }) => renamedWarning(name, as));
  const source = await sourceOf(row, context);
  const artefact = await publishedArtefact(source.path, source);
  if (artefact.manifest.physical) throw wrongMethod(row.target_name);
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

async function restoreIntoDirectory(
  row: RestoreRow & { directory: string },
  context: RestoreContext,
  about: Pick<DirectoryRestore, 'signal' | 'progress' | 'ensureLease'>,
): Promise<void> {
  const { directory } = row;
  const place = { restoreId: row.id, directory };
  const source = await sourceOf(row, context);
  const artefact = await publishedArtefact(source.path, source);
  const restored = artefact.manifest.databases.map(({ name, tables }) => ({ name, as: name, tables }));
  // The worker that gave the folder its name died before it could say so.
  if (await isRestored(place)) return finishRestored(context.outbox, row, restored, []);
  await removeUnfinished(place);
  const { restoreFolders } = context;
  const { view, chain } = await planDirectory({ source, artefact, directory, restoreFolders });
  if (view.obstacles.length > 0) {
    const what = view.obstacles.map((each) => `${each.kind} ${each.what}`).join(', ');
    throw new HozenError('RESTORE_IMPOSSIBLE', { target: row.target_name, what });
  }
  // The signature is that of the manifest, and the manifest says which bytes are right.
  if (source.signing) for (const each of chain) await checkFile(each, about);
  await restoreDirectory({ ...place, chain, ...about });
  await finishRestored(context.outbox, row, restored, []);
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
class OutcomeUnknown extends Error {}

/** The databases are opened after this: whoever takes over finds out whether they were. */
async function markOpening(row: RestoreRow, context: RestoreContext): Promise<void> {
  const [rows] = await context.database.query<[unknown[], number]>(
    `UPDATE restores SET opening = true WHERE id = $1 AND epoch = $2 AND state = 'running' RETURNING id`,
    [row.id, row.epoch],
  );
  if (rows.length === 0) throw new HozenError('LEASE_LOST');
}

async function announce(row: RestoreRow, context: RestoreContext): Promise<void> {
  await context.outbox.transaction((tx) =>
    tx.publish(
      newEvent(
        'restore.started',
        { ...restoreFacts(row), attempt: row.attempt, startedAt: new Date().toISOString() },
        { source: SOURCE, subject: row.id, ...traced() },
      ),
    ),
  );
}

async function targetOf(row: RestoreRow, context: RestoreContext): Promise<TargetSpec> {
  const [found] = await context.database.query<{ spec: unknown }[]>('SELECT spec FROM backup_targets WHERE id = $1', [
    row.target_id,
  ]);
  if (!found) throw new HozenError('NOT_FOUND', { what: 'target', id: row.target_name, list: 'configs' });
  return requireValid(TargetSpec, found.spec, 'CONFIG_INVALID');
}

async function sourceOf(row: RestoreRow, context: RestoreContext): Promise<RestoreSource> {
  const source = await findSource(context.database.manager, { run: row.run_id });
  if (!isSource(source)) throw new HozenError('NOT_FOUND', { what: 'artefact', id: row.run_id, list: 'runs' });
  return source;
}

/** Nothing beside stays, whatever ended it; then the end is told. A worker that stops leaves it to the next one. */
async function settle(
  row: RestoreRow,
  target: CheckedTarget | undefined,
  reason: unknown,
  context: RestoreContext,
): Promise<void> {
  const error = reason instanceof HandBack ? undefined : asHozenError(reason);
  if (error?.code === 'LEASE_LOST' || !(await renewRestore(context.database, row, undefined)).held) {
    context.log.warn({ err: reason }, 'the lease is lost: what it left is not ours to settle');
    return;
  }
  context.log.error({ err: reason, code: error?.code }, 'the restore did not come to its end');
  if (target) await clean(row, target, context);
  if (row.directory !== null) await removeUnfinished({ restoreId: row.id, directory: row.directory });
  if (!error) return handBack(row, context);
  await context.outbox.transaction((tx) => finishNotRestored(tx, row, error));
}

async function clean(row: RestoreRow, target: CheckedTarget, context: RestoreContext): Promise<void> {
  try {
    await using client = await connect(target.address, { applicationName: sessionName(row.id, Number(row.epoch)) });
    await dropLeftovers(client, row);
  } catch (failure) {
    context.log.error({ err: failure }, 'the unfinished databases could not be dropped; their names begin with hozen_');
  }
}

async function handBack(row: RestoreRow, context: RestoreContext): Promise<void> {
  await context.database.query(
    `UPDATE restores SET state = 'queued', owner = NULL, lease_until = NULL, attempt = attempt - 1
      WHERE id = $1 AND epoch = $2 AND state = 'running'`,
    [row.id, row.epoch],
  );
}
