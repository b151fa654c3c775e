import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { asHozenError, HozenError, newEvent, type ProgressView } from '@hozen/contracts';
import { removeFolder } from '@hozen/dbms';
import { HandBack, isLossOfOwnDatabase } from '@hozen/persistence';
import { inSpan, withLogFields } from '@hozen/telemetry';
import { traced } from '../runs/begin-attempt.js';
import { SOURCE } from '../runs/facts.js';
import { underLease } from '../runs/under-lease.js';
import { renewLease } from '../runs/renew-lease.js';
import { spoolFolders } from '../storage/spool-folders.js';
import { destinationOf } from './choose-destination.js';
import type { Destination } from './destination.js';
import { finishNotRestored } from './finish-restore.js';
import type { RestoreContext } from './restore-context.js';
import { OutcomeUnknown } from './opening.js';
import { restoreFacts, type RestoreRow } from './restore-row.js';

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
  const spoolDir = join(context.spoolRoot, `${row.id}.${row.epoch}`);
  let destination: Destination | undefined;
  const renew = (progress: ProgressView | undefined) => renewLease(context.database, 'restores', row, progress);
  try {
    await underLease(
      { claimedAt, shutdown: context.shutdown, limitMinutes: LIMIT_MINUTES, renew },
      async (leased) => {
        if (row.cancel_requested_at && !row.opening) throw new HozenError('CANCELLED');
        if (row.attempt > TAKEOVERS_ALLOWED + 1) throw new HozenError('ABANDONED', { attempts: row.attempt - 1 });
        await mkdir(spoolDir, { recursive: true, mode: 0o711 });
        leased.progress({ phase: 'checking', item: row.target_name });
        await announce(row, context);
        destination = await destinationOf(row, context);
        if (row.cancel_requested_at && !destination.staysOpen) throw new HozenError('CANCELLED');
        await destination.restore({ spoolDir, ...leased });
      },
      async (reason, thrown) => {
        if (thrown instanceof OutcomeUnknown || isLossOfOwnDatabase(reason)) throw thrown;
        await settle(row, destination, whatCounts(reason, thrown), context);
      },
    );
  } finally {
    for (const folder of await spoolFolders(spoolDir)) await removeFolder(folder);
  }
}

/** Whatever stopped it, somebody has to know that a directory is half restored. Another worker goes on otherwise. */
function whatCounts(reason: unknown, thrown: unknown): unknown {
  const isOver = !(reason instanceof HandBack) && asHozenError(reason).code !== 'LEASE_LOST';
  const isUnfinished = thrown instanceof HozenError && thrown.code === 'RESTORE_UNFINISHED';
  return isOver && isUnfinished ? thrown : reason;
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

/** Nothing beside stays, whatever ended it; then the end is told. A worker that stops leaves it to the next one. */
async function settle(
  row: RestoreRow,
  destination: Destination | undefined,
  reason: unknown,
  context: RestoreContext,
): Promise<void> {
  const error = reason instanceof HandBack ? undefined : asHozenError(reason);
  if (error?.code === 'LEASE_LOST' || !(await renewLease(context.database, 'restores', row, undefined)).held) {
    context.log.warn({ err: reason }, 'the lease is lost: what it left is not ours to settle');
    return;
  }
  context.log.error({ err: reason, code: error?.code }, 'the restore did not come to its end');
  await undo(row, destination, context);
  if (!error) return handBack(row, context);
  await context.outbox.transaction((tx) => finishNotRestored(tx, row, error));
}

/** What is closed must be opened again, by whoever has the lease then; what is only left over may wait for a person. */
async function undo(row: RestoreRow, destination: Destination | undefined, context: RestoreContext): Promise<void> {
  try {
    await (destination ?? (await destinationOf(row, context))).undo();
  } catch (failure) {
    if (row.in_place && (await isClosed(row, context))) throw failure;
    context.log.error({ err: failure }, 'what is unfinished could not be removed; it is named or marked with hozen');
  }
}

async function isClosed({ id }: RestoreRow, { database }: RestoreContext): Promise<boolean> {
  const rows = await database.query<unknown[]>('SELECT FROM restores WHERE id = $1 AND closed IS NOT NULL', [id]);
  return rows.length > 0;
}

async function handBack(row: RestoreRow, context: RestoreContext): Promise<void> {
  await context.database.query(
    `UPDATE restores SET state = 'queued', owner = NULL, lease_until = NULL, attempt = attempt - 1
      WHERE id = $1 AND epoch = $2 AND state = 'running'`,
    [row.id, row.epoch],
  );
}
