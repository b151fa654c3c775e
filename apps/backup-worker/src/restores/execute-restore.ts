import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { asHozenError, HozenError, newEvent } from '@hozen/contracts';
import { HandBack, JobSignals, LeaseKeeper } from '@hozen/persistence';
import { inSpan, withLogFields } from '@hozen/telemetry';
import { traced } from '../runs/begin-attempt.js';
import { LEASE_SECONDS } from '../runs/claim-run.js';
import { SOURCE } from '../runs/facts.js';
import { ProgressMeter } from '../runs/progress-meter.js';
import { renewRestore } from './claim-restore.js';
import { destinationOf } from './choose-destination.js';
import type { Destination } from './destination.js';
import { finishNotRestored } from './finish-restore.js';
import type { RestoreContext } from './restore-context.js';
import { OutcomeUnknown } from './opening.js';
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
  let destination: Destination | undefined;
  try {
    if (row.cancel_requested_at) throw new HozenError('CANCELLED');
    if (row.attempt > TAKEOVERS_ALLOWED + 1) throw new HozenError('ABANDONED', { attempts: row.attempt - 1 });
    await mkdir(spoolDir, { recursive: true, mode: 0o711 });
    meter.update({ phase: 'checking', item: row.target_name });
    await announce(row, context);
    destination = await destinationOf(row, context);
    await destination.restore({
      spoolDir,
      signal: signals.signal,
      progress: (update) => meter.update(update),
      ensureLease: () => lease.ensure(),
    });
  } catch (error) {
    if (error instanceof OutcomeUnknown) throw error;
    await settle(row, destination, signals.reasonOr(error), context);
  } finally {
    signals[Symbol.dispose]();
    await rm(spoolDir, { recursive: true, force: true });
  }
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
  if (error?.code === 'LEASE_LOST' || !(await renewRestore(context.database, row, undefined)).held) {
    context.log.warn({ err: reason }, 'the lease is lost: what it left is not ours to settle');
    return;
  }
  context.log.error({ err: reason, code: error?.code }, 'the restore did not come to its end');
  await undo(destination, context);
  if (!error) return handBack(row, context);
  await context.outbox.transaction((tx) => finishNotRestored(tx, row, error));
}

async function undo(destination: Destination | undefined, context: RestoreContext): Promise<void> {
  try {
    await destination?.undo();
  } catch (failure) {
    context.log.error({ err: failure }, 'what is unfinished could not be removed; it is named or marked with hozen');
  }
}

async function handBack(row: RestoreRow, context: RestoreContext): Promise<void> {
  await context.database.query(
    `UPDATE restores SET state = 'queued', owner = NULL, lease_until = NULL, attempt = attempt - 1
      WHERE id = $1 AND epoch = $2 AND state = 'running'`,
    [row.id, row.epoch],
  );
}
