import { traceIdOf } from '@hozen/telemetry';
import { newEvent, type ErrorFacts, type HozenError, type ProofFacts } from '@hozen/contracts';
import type { Outbox, Transaction } from '@hozen/messaging';
import { recordCopy } from '../copies/record-copy.js';
import { recordRange } from '../recovery/record-range.js';
import type { CommittedArtefact } from '../storage/committed-artefact.js';
import type { CopyOutcome } from '../storage/storage.js';
import type { RunRow } from '../store/entities.js';
import { traced, type Attempt } from './begin-attempt.js';
import { factsOf, SOURCE } from './facts.js';
import { fewWarnings } from './few-warnings.js';
import { tellGap } from './tell-gap.js';
import { lostLease } from './lost-lease.js';

/**
 * The fence: only the owner of the epoch may end the run, in the state it knows it in, and only once. (A queued run has
 * the epoch of its last attempt and no owner; who ends it holds its row.)
 */
const END_RUN = `
  UPDATE backup_runs
     SET state = $3, finished_at = clock_timestamp(), lease_until = NULL, error = $4::jsonb,
         bytes_per_second = $5, warnings = $6::jsonb
   WHERE id = $1 AND epoch = $2 AND state = $7
  RETURNING finished_at`;

const COMPLETE_RECORD = `
  UPDATE backup_records
     SET backup_status = 'completed', backup_end_time = clock_timestamp(), backup_file_path = $2, backup_file_size = $3
   WHERE id = $1`;

const FAIL_RECORD = `
  UPDATE backup_records SET backup_status = 'failed', backup_end_time = clock_timestamp(), error_message = $2
   WHERE id = $1`;

const CLOSE_LOG = `
  UPDATE backup_log SET backup_status = $2, error_message = $3, finished_at = clock_timestamp() WHERE id = $1`;

const INSERT_ARTEFACT = `
  INSERT INTO backup_artefacts
    (run_id, file_path, checksum_path, manifest_path, file_size, original_size, sha256, proof, proven_at)
  VALUES ($1, $2, $3, $4, $5, $6, $7, $8::jsonb, clock_timestamp())`;

const INSERT_HISTORY = `
  INSERT INTO backup_history
    (run_id, config_name, target_name, backup_level, backup_type, result, attempts, started_at, finished_at,
     file_path, file_size, original_size, sha256, keep_until, error_code, error_message, trace_id)
  SELECT id, config_name, target_name, backup_level, backup_trigger, state, attempt, started_at, finished_at,
         $2, $3, $4, $5, finished_at + make_interval(days => $6), $7, $8, $9
    FROM backup_runs WHERE id = $1`;

/** What a completed attempt leaves: the artefact, its proof, and what was noticed on the way. */
export interface Completion {
  artefact: CommittedArtefact;
  proof: ProofFacts;
  bytesPerSecond: number;
  warnings: string[];
  retentionDays: number;
  copy?: CopyOutcome | undefined;
}

/** Ends the run well: state, record, log, artefact, history and `backup.completed` in one transaction. */
export async function finishCompleted(outbox: Outbox, run: RunRow, attempt: Attempt, done: Completion): Promise<void> {
  const { artefact, proof } = done;
  await outbox.transaction(async (tx) => {
    const finishedAt = await endRun(tx, run, 'completed', { ...done, error: null });
    await tx.manager.query(COMPLETE_RECORD, [attempt.recordId, artefact.path, artefact.bytes]);
    await tx.manager.query(CLOSE_LOG, [attempt.logId, 'success', null]);
    await tx.manager.query(INSERT_ARTEFACT, [
      run.id,
      artefact.path,
      artefact.checksumPath,
      artefact.manifestPath,
      artefact.bytes,
      artefact.originalBytes,
      artefact.sha256,
      JSON.stringify(proof),
    ]);
    if (done.copy) await recordCopy(tx.manager, run.id, done.copy);
    await recordRange(tx.manager, artefact.manifest);
    await insertHistory(tx, run, { artefact, retentionDays: done.retentionDays });
    await tx.publish(
      newEvent(
        'backup.completed',
        {
          ...factsOf(run),
          recordId: Number(attempt.recordId),
          attempts: run.attempt,
          startedAt: attempt.startedAt.toISOString(),
          finishedAt: finishedAt.toISOString(),
          artefact: {
            path: artefact.path,
            bytes: artefact.bytes,
            originalBytes: artefact.originalBytes,
            sha256: artefact.sha256,
          },
          proof,
          bytesPerSecond: done.bytesPerSecond,
          warnings: fewWarnings(done.warnings),
        },
        { source: SOURCE, subject: run.id, ...traced() },
      ),
      { once: terminalKey(run.id) },
    );
    await tellGap(tx, run, artefact.manifest);
  });
}

/** Ends the run badly, or as cancelled: state, record, log, history and `backup.failed` in one transaction. */
export async function finishFailed(
  outbox: Outbox,
  run: RunRow,
  attempt: Attempt | undefined,
  error: HozenError,
): Promise<void> {
  await outbox.transaction(async (tx) => {
    if (attempt) await tx.manager.query(CLOSE_LOG, [attempt.logId, 'failure', textOf(error)]);
    const record_id = attempt?.recordId ?? run.record_id;
    await endFailed(tx, { ...run, record_id, started_at: attempt?.startedAt ?? run.started_at }, error);
  });
}

/** The same inside the caller's transaction, for a run as it stands in its row. */
export async function endFailed(tx: Transaction, run: RunRow, error: HozenError): Promise<void> {
  const facts: ErrorFacts = { code: error.code, message: error.message, hint: error.hint };
  const state = error.code === 'CANCELLED' ? 'cancelled' : 'failed';
  const finishedAt = await endRun(tx, run, state, { error: facts, bytesPerSecond: null, warnings: [] });
  if (run.record_id !== null) await tx.manager.query(FAIL_RECORD, [run.record_id, textOf(error)]);
  await insertHistory(tx, run, { error: facts });
  await tx.publish(
    newEvent(
      'backup.failed',
      {
        ...factsOf(run),
        ...(run.record_id === null ? {} : { recordId: Number(run.record_id) }),
        attempts: run.attempt,
        ...(run.started_at === null ? {} : { startedAt: run.started_at.toISOString() }),
        finishedAt: finishedAt.toISOString(),
        error: facts,
      },
      { source: SOURCE, subject: run.id, ...traced() },
    ),
    { once: terminalKey(run.id) },
  );
}

/** The form that `backup_records.error_message` and `backup_log.error_message` prescribe. */
function textOf(error: HozenError): string {
  return `${error.code}: ${error.message}`;
}

/** Key under which the outbox takes one terminal event a run, whatever happens. */
export function terminalKey(runId: string): string {
  return `terminal:${runId}`;
}

async function endRun(
  tx: Transaction,
  run: RunRow,
  state: 'completed' | 'failed' | 'cancelled',
  end: { error: ErrorFacts | null; bytesPerSecond: number | null; warnings: string[] },
): Promise<Date> {
  const [rows] = await tx.manager.query<[{ finished_at: Date }[], number]>(END_RUN, [
    run.id,
    run.epoch,
    state,
    end.error === null ? null : JSON.stringify(end.error),
    end.bytesPerSecond,
    JSON.stringify(end.warnings),
    run.state,
  ]);
  if (!rows[0]) throw lostLease();
  return rows[0].finished_at;
}

async function insertHistory(
  tx: Transaction,
  run: RunRow,
  end: { artefact?: CommittedArtefact; retentionDays?: number; error?: ErrorFacts },
): Promise<void> {
  await tx.manager.query(INSERT_HISTORY, [
    run.id,
    end.artefact?.path ?? null,
    end.artefact?.bytes ?? null,
    end.artefact?.originalBytes ?? null,
    end.artefact?.sha256 ?? null,
    end.retentionDays ?? null,
    end.error?.code ?? null,
    end.error?.message ?? null,
    traceIdOf(run.traceparent ?? undefined) ?? null,
  ]);
}
