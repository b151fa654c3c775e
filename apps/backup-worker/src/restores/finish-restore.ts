import { newEvent, warningText, type ErrorFacts, type HozenError, type ReachedPoint } from '@hozen/contracts';
import type { Outbox, Transaction } from '@hozen/messaging';
import { terminalKey } from '../runs/finish-run.js';
import { beginWatch } from '../performance/watch.js';
import { traced } from '../runs/begin-attempt.js';
import { SOURCE } from '../runs/facts.js';
import { lostLease } from '../runs/lost-lease.js';
import { restoreFacts, type RestoredDatabase, type RestoreRow } from './restore-row.js';

/** The fence: only the owner of the epoch ends the restore, once. */
const END_RESTORE = `
  UPDATE restores
     SET state = $3, finished_at = clock_timestamp(), lease_until = NULL, result = $4::jsonb, error = $5::jsonb,
         warnings = $6::jsonb, reached = $8::jsonb
   WHERE id = $1 AND epoch = $2 AND state = $7
  RETURNING started_at, finished_at`;

interface End {
  state: 'completed' | 'failed' | 'cancelled';
  result: RestoredDatabase[] | null;
  error: ErrorFacts | null;
  warnings: string[];
  reached?: ReachedPoint | undefined;
}

/** Ends a restore well: state and `restore.completed` in one transaction. */
export async function finishRestored(
  outbox: Outbox,
  row: RestoreRow,
  databases: RestoredDatabase[],
  found: string[],
  reached?: ReachedPoint,
): Promise<void> {
  const warnings = [...letIn(row), ...found];
  await outbox.transaction(async (tx) => {
    const times = await end(tx, row, { state: 'completed', result: databases, error: null, warnings, reached });
    const startedAt = times.started_at ?? times.finished_at;
    await tx.publish(
      newEvent(
        'restore.completed',
        {
          ...restoreFacts(row),
          startedAt: startedAt.toISOString(),
          finishedAt: times.finished_at.toISOString(),
          databases,
          ...(reached ? { reached } : {}),
          seconds: (times.finished_at.getTime() - startedAt.getTime()) / 1000,
          warnings,
        },
        { source: SOURCE, subject: row.id, ...traced() },
      ),
      { once: terminalKey(row.id) },
    );
  });
}

/** What somebody let it bring, and that somebody knew the backup to be bad. */
function letIn({ allow }: Pick<RestoreRow, 'allow'>): string[] {
  const isBad = (each: string) => each.startsWith(BAD);
  const names = allow.filter((each) => !isBad(each)).join(', ');
  return [
    ...allow.filter(isBad).map((each) => warningText('restore.known-bad', { run: each.slice(BAD.length) })),
    ...(names === '' ? [] : [warningText('restore.let-in', { names })]),
  ];
}

const BAD = 'bad-backup:';

/** Ends a restore badly, or as cancelled: state and `restore.failed` in one transaction. */
export async function finishNotRestored(tx: Transaction, row: RestoreRow, error: HozenError): Promise<void> {
  const facts: ErrorFacts = { code: error.code, message: error.message, hint: error.hint };
  const state = error.code === 'CANCELLED' ? 'cancelled' : 'failed';
  const times = await end(tx, row, { state, result: null, error: facts, warnings: [] });
  await tx.publish(
    newEvent(
      'restore.failed',
      { ...restoreFacts(row), finishedAt: times.finished_at.toISOString(), error: facts },
      { source: SOURCE, subject: row.id, ...traced() },
    ),
    { once: terminalKey(row.id) },
  );
}

async function end(
  tx: Transaction,
  row: RestoreRow,
  how: End,
): Promise<{ started_at: Date | null; finished_at: Date }> {
  const [rows] = await tx.manager.query<[{ started_at: Date | null; finished_at: Date }[], number]>(END_RESTORE, [
    row.id,
    row.epoch,
    how.state,
    how.result === null ? null : JSON.stringify(how.result),
    how.error === null ? null : JSON.stringify(how.error),
    JSON.stringify(how.warnings),
    row.state,
    how.reached ? JSON.stringify(how.reached) : null,
  ]);
  if (!rows[0]) throw lostLease();
  await beginWatch(tx, row.id, how.state === 'completed');
  return rows[0];
}
