import { basename } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { newEvent, type ResourceUseView } from '@hozen/contracts';
import type { Outbox, Transaction } from '@hozen/messaging';
import { currentTraceparent } from '@hozen/telemetry';
import type { RunRow } from '../store/entities.js';
import { factsOf, SOURCE } from './facts.js';
import { lostLease } from './lost-lease.js';

/** The run's start is set once: it is part of the artefact's name, and every attempt of a run writes the same name. */
const MARK_STARTED = `
  UPDATE backup_runs SET started_at = coalesce(started_at, clock_timestamp())
   WHERE id = $1 AND epoch = $2 AND state = 'running'
  RETURNING started_at`;

/** Local time repeats itself when clocks go back, and a folder may be shared: a name belongs to one artefact for ever. */
const IS_NAME_TAKEN = `SELECT FROM backup_artefacts WHERE file_path = $1 AND run_id <> $2`;

/** Names have whole seconds. */
const NEXT_NAME_MS = 1_000;

const INSERT_RECORD = `
  WITH record AS (
    INSERT INTO backup_records (config_id, backup_type, backup_description, backup_start_time)
    VALUES ($2, $3, $4, $5) RETURNING id)
  UPDATE backup_runs SET record_id = record.id FROM record WHERE backup_runs.id = $1
  RETURNING record.id`;

/** An attempt that is still open belonged to a worker that died, or was cut off: it ends here, before the next begins. */
const CLOSE_ABANDONED_ATTEMPTS = `
  UPDATE backup_log SET backup_status = 'failure', finished_at = clock_timestamp(),
         error_message = 'ABANDONED: the worker died or lost its lease'
   WHERE backup_status = 'running' AND id IN (SELECT log_id FROM backup_attempts WHERE run_id = $1)`;

const INSERT_ATTEMPT = `
  WITH log AS (
    INSERT INTO backup_log (backup_type, backup_file, backup_status, started_at)
    VALUES ($1, $2, 'running', clock_timestamp()) RETURNING id, started_at
  ), attempt AS (
    INSERT INTO backup_attempts (log_id, run_id, attempt, epoch, worker, resources)
    SELECT log.id, $3, $4, $5, $6, $7::jsonb FROM log)
  SELECT id, started_at FROM log`;

export interface Attempt {
  logId: number;
  recordId: string;
  /** Start of the run, not of this attempt. */
  startedAt: Date;
}

/** The run's name is that of another artefact; rolls the beginning back. */
class NameTaken extends Error {}

/**
 * Writes down that an attempt begins: the run's row in `backup_records` (at the first one), a row in `backup_log`, and
 * `backup.started`, in one transaction.
 * @param pathOf the artefact's path, from the run's start. Where another artefact has it, the run starts a second later
 * @param resources how the attempt is held to its limits
 * @throws HozenError LEASE_LOST
 */
export async function beginAttempt(
  outbox: Outbox,
  run: RunRow,
  pathOf: (startedAt: Date) => string,
  resources?: ResourceUseView,
): Promise<Attempt> {
  for (;;) {
    try {
      return await tryToBegin(outbox, run, pathOf, resources);
    } catch (error) {
      if (!(error instanceof NameTaken)) throw error;
      await delay(NEXT_NAME_MS);
    }
  }
}

async function tryToBegin(
  outbox: Outbox,
  run: RunRow,
  pathOf: (startedAt: Date) => string,
  resources: ResourceUseView | undefined,
): Promise<Attempt> {
  return outbox.transaction(async (tx) => {
    const [started] = await tx.manager.query<[{ started_at: Date }[], number]>(MARK_STARTED, [run.id, run.epoch]);
    if (!started[0]) throw lostLease();
    const startedAt = started[0].started_at;
    const path = pathOf(startedAt);
    const taken = await tx.manager.query<unknown[]>(IS_NAME_TAKEN, [path, run.id]);
    if (taken.length > 0 && run.started_at === null) throw new NameTaken(path);
    const recordId = run.record_id ?? (await insertRecord(tx, run, startedAt));
    // The first attempt has nobody before it.
    if (run.attempt > 1) await tx.manager.query(CLOSE_ABANDONED_ATTEMPTS, [run.id]);
    const limits = resources === undefined ? null : JSON.stringify(resources);
    const [log] = await tx.manager.query<{ id: number; started_at: Date }[]>(INSERT_ATTEMPT, [
      run.backup_level,
      basename(path),
      run.id,
      run.attempt,
      run.epoch,
      run.owner,
      limits,
    ]);
    if (!log) throw new Error('INSERT … RETURNING gave no row');
    await tx.publish(
      newEvent(
        'backup.started',
        { ...factsOf(run), attempt: run.attempt, startedAt: log.started_at.toISOString() },
        { source: SOURCE, subject: run.id, ...traced() },
      ),
    );
    return { logId: log.id, recordId, startedAt };
  });
}

async function insertRecord(tx: Transaction, run: RunRow, startedAt: Date): Promise<string> {
  const description = run.reason ?? (run.backup_trigger === 'automatic' ? `自动备份 - ${run.config_name}` : null);
  const [rows] = await tx.manager.query<[{ id: string }[], number]>(INSERT_RECORD, [
    run.id,
    run.config_id,
    run.backup_trigger,
    description,
    startedAt,
  ]);
  if (!rows[0]) throw new Error('INSERT … RETURNING gave no row');
  return rows[0].id;
}

/** The running span as the event's parent. */
export function traced(): { traceparent?: string } {
  const traceparent = currentTraceparent();
  return traceparent === undefined ? {} : { traceparent };
}
