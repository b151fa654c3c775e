import { newEvent, type ErrorFacts, type HozenError, type MaintenanceState } from '@hozen/contracts';
import type { Outbox, Transaction } from '@hozen/messaging';
import { traceIdOf } from '@hozen/telemetry';
import type { RunRow } from '../store/rows.js';
import { factsOf, SOURCE } from './facts.js';
import { lostLease } from './lost-lease.js';
import { checkTransition } from './states.js';
import { traced } from './traced.js';

/** The fence: only who knows the run's epoch and state may end it, and only once. */
const END_RUN = `
  UPDATE maintenance_runs
     SET state = $4, finished_at = clock_timestamp(), lease_until = NULL, error = $5::jsonb
   WHERE id = $1 AND epoch = $2 AND state = $3
  RETURNING finished_at`;

/** What was not done stays written: the one that was under way as failed, the rest as skipped. */
const CLOSE_STEPS = `
  UPDATE maintenance_steps
     SET state = CASE state WHEN 'running' THEN 'failed' ELSE 'skipped' END, outcome = coalesce(outcome, $2),
         finished_at = clock_timestamp()
   WHERE run_id = $1 AND state IN ('planned', 'running')`;

const INSERT_HISTORY = `
  INSERT INTO db_maintenance_history
    (run_id, target_name, maintenance_type, target_databases, severity_level, result, started_at, finished_at,
     backup_run_id, verdict_before, verdict_after, steps_planned, steps_done, tables_vacuumed, indexes_rebuilt,
     error_code, error_message, requested_by, trace_id)
  SELECT run.id, run.target_name, run.maintenance_type, run.target_databases, run.severity_level, run.state,
         run.started_at, run.finished_at, run.backup_run_id,
         (SELECT verdict FROM db_status WHERE run_id = run.id AND moment = 'before'),
         (SELECT verdict FROM db_status WHERE run_id = run.id AND moment = 'after'),
         steps.planned, steps.done, steps.vacuumed, steps.rebuilt,
         run.error ->> 'code', run.error ->> 'message', run.requested_by, $2
    FROM maintenance_runs AS run, LATERAL (
           SELECT count(*) AS planned, count(*) FILTER (WHERE state = 'done') AS done,
                  count(*) FILTER (WHERE state = 'done' AND kind = 'vacuum') AS vacuumed,
                  count(*) FILTER (WHERE state = 'done' AND kind = 'reindex') AS rebuilt
             FROM maintenance_steps WHERE run_id = run.id) AS steps
   WHERE run.id = $1
  RETURNING tables_vacuumed, indexes_rebuilt`;

const FINDINGS = `
  SELECT finding ->> 'text' AS text FROM db_status, jsonb_array_elements(status -> 'findings') AS finding
   WHERE run_id = $1 AND moment = 'before' LIMIT 50`;

/** Ends the run well: state, history and `maintenance.completed` in one transaction. */
export async function finishCompleted(outbox: Outbox, run: RunRow): Promise<void> {
  await outbox.transaction(async (tx) => {
    const finishedAt = await endRun(tx, run, 'completed', null);
    const counts = await insertHistory(tx, run);
    const findings = await tx.manager.query<{ text: string }[]>(FINDINGS, [run.id]);
    await tx.publish(
      newEvent(
        'maintenance.completed',
        {
          ...factsOf(run),
          startedAt: (run.started_at ?? finishedAt).toISOString(),
          finishedAt: finishedAt.toISOString(),
          backupRunId: run.backup_run_id ?? '',
          tablesVacuumed: counts.tables_vacuumed,
          indexesRebuilt: counts.indexes_rebuilt,
          findings: findings.map((finding) => finding.text),
        },
        { source: SOURCE, subject: run.id, ...traced() },
      ),
      { once: terminalKey(run.id) },
    );
  });
}

/** Ends the run badly, or as cancelled: state, steps, history and `maintenance.failed` in one transaction. */
export async function finishFailed(outbox: Outbox, run: RunRow, error: HozenError): Promise<void> {
  await outbox.transaction((tx) => endFailed(tx, run, error));
}

/** The same inside the caller's transaction, for a run as it stands in its row. */
export async function endFailed(tx: Transaction, run: RunRow, error: HozenError): Promise<void> {
  const facts: ErrorFacts = { code: error.code, message: error.message, hint: error.hint };
  const finishedAt = await endRun(tx, run, error.code === 'CANCELLED' ? 'cancelled' : 'failed', facts);
  await tx.manager.query(CLOSE_STEPS, [run.id, `${facts.code}: ${facts.message}`]);
  await insertHistory(tx, run);
  await tx.publish(
    newEvent(
      'maintenance.failed',
      {
        ...factsOf(run),
        ...(run.started_at === null ? {} : { startedAt: run.started_at.toISOString() }),
        finishedAt: finishedAt.toISOString(),
        error: facts,
      },
      { source: SOURCE, subject: run.id, ...traced() },
    ),
    { once: terminalKey(run.id) },
  );
}

/** Key under which the outbox takes one terminal event a run, whatever happens. */
export function terminalKey(runId: string): string {
  return `terminal:${runId}`;
}

async function endRun(tx: Transaction, run: RunRow, state: MaintenanceState, error: ErrorFacts | null): Promise<Date> {
  checkTransition(run.state, state);
  const [rows] = await tx.manager.query<[{ finished_at: Date }[], number]>(END_RUN, [
    run.id,
    run.epoch,
    run.state,
    state,
    error === null ? null : JSON.stringify(error),
  ]);
  if (!rows[0]) throw lostLease();
  return rows[0].finished_at;
}

async function insertHistory(tx: Transaction, run: RunRow) {
  const traceId = traceIdOf(run.traceparent ?? undefined) ?? null;
  const [counts] = await tx.manager.query<{ tables_vacuumed: number; indexes_rebuilt: number }[]>(INSERT_HISTORY, [
    run.id,
    traceId,
  ]);
  if (!counts) throw new Error('INSERT … RETURNING gave no row');
  return counts;
}
