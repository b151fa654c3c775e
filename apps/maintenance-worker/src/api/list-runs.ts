import {
  HozenError,
  MAINTENANCE_STATES,
  type MaintenanceRunListView,
  type MaintenanceRunView,
  type Reason,
} from '@hozen/contracts';
import type { DataSource } from 'typeorm';
import type { RunRow, StepRow } from '../store/rows.js';
import { runView } from './run-view.js';

export interface RunFilter {
  target?: string | undefined;
  state?: string | undefined;
  /** Most runs to return; 1 to 200, default 20. */
  limit?: string | undefined;
  /** Run id: only runs accepted before it. */
  before?: string | undefined;
}

const LIST_RUNS = `
  SELECT run.* FROM maintenance_runs AS run
   WHERE ($1::text IS NULL OR run.target_name = $1)
     AND ($2::text IS NULL OR run.state = $2)
     AND ($3::uuid IS NULL OR (run.accepted_at, run.id) < (SELECT last.accepted_at, last.id FROM maintenance_runs AS last
                                                            WHERE last.id = $3))
   ORDER BY run.accepted_at DESC, run.id DESC
   LIMIT $4`;

const FIND_RUN = `SELECT * FROM maintenance_runs WHERE id::text = $1 OR request_id = $1`;
const LIST_STEPS = `SELECT * FROM maintenance_steps WHERE run_id = $1 ORDER BY step`;

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
const DEFAULT_LIMIT = 20;
const HIGHEST_LIMIT = 200;

/** Runs, newest first. @throws HozenError REQUEST_INVALID */
export async function listRuns(database: DataSource, filter: RunFilter): Promise<MaintenanceRunListView> {
  const limit = filter.limit === undefined ? DEFAULT_LIMIT : Number(filter.limit);
  refuseWrong(filter, limit);
  const { target = null, state = null, before = null } = filter;
  const rows = await database.query<RunRow[]>(LIST_RUNS, [target, state, before, limit + 1]);
  const page = rows.slice(0, limit);
  const last = page.at(-1);
  return { runs: page.map((run) => runView(run)), ...(rows.length > limit && last ? { next: last.id } : {}) };
}

/**
 * One run with its steps, by its own id or by the id of the request that asked for it.
 * @throws HozenError NOT_FOUND
 */
export async function findRun(database: DataSource, id: string): Promise<MaintenanceRunView> {
  const [run] = await database.query<RunRow[]>(FIND_RUN, [id]);
  if (!run) throw new HozenError('NOT_FOUND', { what: 'maintenance run', id, list: 'maintenance' });
  return runView(run, await database.query<StepRow[]>(LIST_STEPS, [run.id]));
}

function refuseWrong({ state, before, limit: text }: RunFilter, limit: number): void {
  const wrong = (field: string, value: string | undefined, message: string): Reason => ({
    field,
    value: value ?? '',
    message,
  });
  const reasons = [
    ...(Number.isInteger(limit) && limit >= 1 && limit <= HIGHEST_LIMIT
      ? []
      : [wrong('limit', text, `must be a whole number from 1 to ${HIGHEST_LIMIT}`)]),
    ...(state === undefined || MAINTENANCE_STATES.some((each) => each === state)
      ? []
      : [wrong('state', state, `must be one of: ${MAINTENANCE_STATES.join(', ')}`)]),
    ...(before === undefined || UUID.test(before) ? [] : [wrong('before', before, 'must be a run id')]),
  ];
  if (reasons.length === 0) return;
  const detail = reasons.map((reason) => `${reason.field} ${reason.message}`).join('; ');
  throw new HozenError('REQUEST_INVALID', {}, { detail, reasons });
}
