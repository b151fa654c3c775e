import { HozenError, type EventOf } from '@hozen/contracts';
import type { Transaction } from '@hozen/messaging';
import { failpoint } from '@hozen/telemetry';
import { endFailed } from '../runs/finish-run.js';
import type { BackupOutcome, RunRow } from '../store/rows.js';

/** Noted in whatever open state the run is; the first answer counts. */
const NOTE_ANSWER = `
  UPDATE maintenance_runs SET backup_outcome = $2, backup_run_id = $3, backup_fault = $4
   WHERE backup_request_id = $1 AND backup_outcome IS NULL
     AND state IN ('accepted', 'diagnosing', 'backing_up', 'optimizing')
  RETURNING id`;

const LOCK_WAITING = `SELECT * FROM maintenance_runs WHERE id = $1 AND state = 'backing_up' FOR UPDATE`;

const GO_ON = `
  UPDATE maintenance_runs SET state = 'optimizing', not_before = clock_timestamp()
   WHERE id = $1 AND state = 'backing_up'`;

const TARGET_OF = `SELECT target_name FROM maintenance_runs WHERE backup_request_id = $1`;

type Answer = EventOf<'backup.completed'> | EventOf<'backup.failed'> | EventOf<'backup.rejected'>;

/**
 * An answer of the backup worker. Answers to others' requests, to a run that is over, and second ones do nothing.
 */
export async function settleAnswer(tx: Transaction, event: Answer): Promise<void> {
  const [rows] = await tx.manager.query<[{ id: string }[], number]>(NOTE_ANSWER, [
    event.data.requestId,
    outcomeOf(event),
    'runId' in event.data ? event.data.runId : null,
    await faultOf(tx, event),
  ]);
  if (!rows[0]) return;
  await goOnOrFail(tx, rows[0].id);
  await failpoint('maintenance.backup-answered');
}

/** Moves a waiting run on when its answer is known: to the work, or to its end with nothing changed. */
export async function goOnOrFail(tx: Transaction, runId: string): Promise<void> {
  const [run] = await tx.manager.query<RunRow[]>(LOCK_WAITING, [runId]);
  if (!run || run.backup_outcome === null) return;
  const fault = run.backup_fault;
  if (fault !== null) return endFailed(tx, run, new HozenError('MAINTENANCE_BACKUP_FAILED', { reason: fault }));
  await tx.manager.query(GO_ON, [run.id]);
}

function outcomeOf({ type }: Answer): BackupOutcome {
  return type === 'backup.completed' ? 'completed' : type === 'backup.failed' ? 'failed' : 'rejected';
}

async function faultOf(tx: Transaction, event: Answer): Promise<string | null> {
  if (event.type === 'backup.completed') return foreignTarget(tx, event);
  if (event.type === 'backup.failed') return `${event.data.error.code}: ${event.data.error.message}`;
  const reasons = event.data.reasons.map(({ field, message }) => (field ? `${field}: ${message}` : message));
  return `the request was rejected: ${reasons.join('; ')}`;
}

/** A backup of another server, however good, protects nothing here. */
async function foreignTarget(tx: Transaction, { data }: EventOf<'backup.completed'>): Promise<string | null> {
  const [run] = await tx.manager.query<{ target_name: string }[]>(TARGET_OF, [data.requestId]);
  if (!run || run.target_name === data.target) return null;
  return `config "${data.config}" backs up target "${data.target}", not "${run.target_name}"`;
}
