import { HozenError, RUN_STATES, type RunListView, type RunState, type RunView, type WaitView } from '@hozen/contracts';
import type { DataSource } from 'typeorm';
import { BUSY_TARGET, FULL_STORAGES } from '../admission/waits.sql.js';
import { badPartOf } from '../runs/bad-backups.js';
import type { RunRow } from '../store/entities.js';
import { runView, type ArtefactRow, type AttemptRow } from './run-view.js';

export interface RunFilter {
  config?: string | undefined;
  state?: string | undefined;
  /** Most runs to return; 1 to 200, default 20. */
  limit?: string | undefined;
  /** Run id: only runs queued before it. */
  before?: string | undefined;
}

const LIST_RUNS = `
  SELECT run.* FROM backup_runs AS run
   WHERE ($1::text IS NULL OR run.config_name = $1)
     AND ($2::text IS NULL OR run.state = $2)
     AND ($3::uuid IS NULL OR (run.queued_at, run.id) < (SELECT last.queued_at, last.id FROM backup_runs AS last
                                                          WHERE last.id = $3))
   ORDER BY run.queued_at DESC, run.id DESC
   LIMIT $4`;

/** A publisher chooses the id of its request; where it chose the id of a run, that run goes first. */
const FIND_RUN = `
  SELECT * FROM backup_runs WHERE id = $1::uuid OR request_id = $2 ORDER BY (id = $1::uuid) DESC NULLS LAST LIMIT 1`;

const LIST_ATTEMPTS = `
  SELECT attempt.run_id, attempt.attempt, attempt.worker, attempt.resources, log.backup_status, log.error_message, log.started_at,
         log.finished_at
    FROM backup_attempts AS attempt JOIN backup_log AS log ON log.id = attempt.log_id
   WHERE attempt.run_id = ANY ($1::uuid[])
   ORDER BY attempt.attempt`;

const LIST_ARTEFACTS = `
  SELECT artefact.*, hold.reason AS hold_reason, hold.held_by, hold.held_at, deletion.decided_at, deletion.deleted_at,
         ${badPartOf('artefact.run_id')} AS bad,
         (SELECT jsonb_build_object('path', copy.file_path, 'state', copy.state, 'attempts', copy.attempts,
                                    'error', copy.last_error, 'standingSince', copy.standing_since)
            FROM backup_copies AS copy WHERE copy.run_id = artefact.run_id) AS copy
    FROM backup_artefacts AS artefact
    LEFT JOIN artefact_holds AS hold ON hold.run_id = artefact.run_id
    LEFT JOIN artefact_deletions AS deletion ON deletion.run_id = artefact.run_id
   WHERE artefact.run_id = ANY ($1::uuid[])`;

/** Of those that are due: what the claim looks at. */
const LIST_WAITS = `
  SELECT waiting.id AS run_id,
         array(${BUSY_TARGET}) || array(${FULL_STORAGES}) AS waits
    FROM backup_runs AS waiting LEFT JOIN backup_configs AS config ON config.id = waiting.config_id
   WHERE waiting.id = ANY ($1::uuid[]) AND waiting.state = 'queued' AND waiting.not_before <= clock_timestamp()`;

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** Runs, newest first (API-307). */
export async function listRuns(database: DataSource, filter: RunFilter): Promise<RunListView> {
  const limit = limitOf(filter.limit);
  if (filter.config?.includes('\0')) throw refused('config', '…', 'must not contain U+0000');
  const rows = await database.query<RunRow[]>(LIST_RUNS, [
    filter.config ?? null,
    filter.state === undefined ? null : stateOf(filter.state),
    filter.before === undefined ? null : uuidOf(filter.before),
    limit + 1,
  ]);
  const page = rows.slice(0, limit);
  const last = page.at(-1);
  return { runs: await views(database, page), ...(rows.length > limit && last ? { next: last.id } : {}) };
}

/**
 * One run by its own id or by the id of the request that asked for it (API-307).
 * @throws HozenError NOT_FOUND
 */
export async function findRun(database: DataSource, id: string): Promise<RunView> {
  // PostgreSQL has no text with U+0000, so nothing can have that id.
  const rows = id.includes('\0') ? [] : await database.query<RunRow[]>(FIND_RUN, [UUID.test(id) ? id : null, id]);
  const [view] = await views(database, rows);
  if (!view) throw new HozenError('NOT_FOUND', { what: 'run', id, list: 'runs' });
  return view;
}

async function views(database: DataSource, rows: RunRow[]): Promise<RunView[]> {
  if (rows.length === 0) return [];
  const ids = rows.map((row) => row.id);
  const attempts = await database.query<AttemptRow[]>(LIST_ATTEMPTS, [ids]);
  const artefacts = await database.query<ArtefactRow[]>(LIST_ARTEFACTS, [ids]);
  const waits = rows.some((row) => row.state === 'queued')
    ? await database.query<{ run_id: string; waits: WaitView[] }[]>(LIST_WAITS, [ids])
    : [];
  return rows.map((row) => ({
    ...runView(
      row,
      attempts.filter((attempt) => attempt.run_id === row.id),
      artefacts.find((artefact) => artefact.run_id === row.id),
    ),
    ...(row.state === 'queued' ? { waitsFor: waitsOf(row, waits.find((each) => each.run_id === row.id)?.waits) } : {}),
  }));
}

/** @param due undefined: its time has not come */
function waitsOf(row: RunRow, due: WaitView[] | undefined): WaitView[] {
  if (!due) return [{ kind: 'time', until: row.not_before.toISOString() }];
  const waits = row.waits_for ? [...due, row.waits_for] : due;
  return waits.length > 0 ? waits : [{ kind: 'worker' }];
}

function limitOf(text: string | undefined): number {
  if (text === undefined) return 20;
  const limit = Number(text);
  if (Number.isInteger(limit) && limit >= 1 && limit <= 200) return limit;
  throw refused('limit', text, 'must be a whole number from 1 to 200');
}

function stateOf(text: string): RunState {
  const state = RUN_STATES.find((each) => each === text);
  if (state) return state;
  throw refused('state', text, `must be one of: ${RUN_STATES.join(', ')}`);
}

function uuidOf(text: string): string {
  if (UUID.test(text)) return text;
  throw refused('before', text, 'must be a run id');
}

function refused(field: string, value: string, message: string): HozenError {
  return new HozenError('REQUEST_INVALID', {}, { detail: `${field} ${message}`, reasons: [{ field, value, message }] });
}
