import type { DataSource, EntityManager } from 'typeorm';
import type { PlannedStep } from '../diagnosis/plan.js';
import { lostLease } from '../runs/lost-lease.js';
import type { RebuildMarks, RunRow, StepRow } from '../store/rows.js';

const DELETE_STEPS = `DELETE FROM maintenance_steps WHERE run_id = $1`;

/** However many tables there are, one statement. */
const INSERT_STEPS = `
  INSERT INTO maintenance_steps (run_id, step, kind, database_name, schema_name, object_name, reason, statement)
  SELECT $1, planned.position, value ->> 'kind', value ->> 'database', value ->> 'schema', value ->> 'name',
         value ->> 'reason', value ->> 'statement'
    FROM jsonb_array_elements($2::jsonb) WITH ORDINALITY AS planned (value, position)`;

const UNFINISHED_STEPS = `
  SELECT * FROM maintenance_steps WHERE run_id = $1 AND state IN ('planned', 'running') ORDER BY step`;

/** Under the fence: who lost the lease writes nothing more, and so begins nothing more. */
const OWNED = `EXISTS (SELECT FROM maintenance_runs AS run WHERE run.id = $1 AND run.epoch = $2 AND run.state = 'optimizing')`;

const BEGIN_STEP = `
  UPDATE maintenance_steps SET state = 'running', epoch = $2, started_at = coalesce(started_at, clock_timestamp())
   WHERE run_id = $1 AND step = $3 AND state IN ('planned', 'running') AND ${OWNED}
  RETURNING step`;

const MARK_STEP = `
  UPDATE maintenance_steps SET marks = $4::jsonb
   WHERE run_id = $1 AND step = $3 AND state = 'running' AND ${OWNED}
  RETURNING step`;

/** What could be left behind is only forgotten when nothing was: the marks of a failed rebuild stay. */
const END_STEP = `
  WITH progress AS (
    UPDATE maintenance_runs SET takeovers = 0 WHERE id = $1 AND epoch = $2 AND state = 'optimizing' RETURNING id)
  UPDATE maintenance_steps AS step
     SET state = $4::text, outcome = $5, finished_at = clock_timestamp(),
         marks = CASE WHEN $4::text = 'failed' THEN step.marks END
    FROM progress
   WHERE step.run_id = progress.id AND step.step = $3 AND step.state = 'running'
  RETURNING step.step`;

/** Rebuilds that did not come to their end, of this run and of earlier ones on the target. */
const MARKED_STEPS = `
  SELECT step.* FROM maintenance_steps AS step JOIN maintenance_runs AS run ON run.id = step.run_id
   WHERE run.target_id = $1 AND step.database_name = $2 AND step.marks IS NOT NULL
   ORDER BY run.accepted_at, step.step`;

const FORGET_MARKS = `UPDATE maintenance_steps SET marks = NULL WHERE run_id = $1 AND step = $2 AND state <> 'running'`;

const FAILED_STEPS = `
  SELECT count(*)::integer AS steps, (count(*) FILTER (WHERE state = 'failed'))::integer AS failed,
         (array_agg(database_name || ': ' || statement || ': ' || outcome ORDER BY step) FILTER (WHERE state = 'failed'))[1:5]
           AS faults
    FROM maintenance_steps WHERE run_id = $1`;

/** The plan of a run; of a diagnosis that is made again, the new one counts. */
export async function replaceSteps(manager: EntityManager, run: RunRow, steps: readonly PlannedStep[]): Promise<void> {
  await manager.query(DELETE_STEPS, [run.id]);
  await manager.query(INSERT_STEPS, [run.id, JSON.stringify(steps)]);
}

export function unfinishedSteps(database: DataSource, run: RunRow): Promise<StepRow[]> {
  return database.query<StepRow[]>(UNFINISHED_STEPS, [run.id]);
}

/** Written before the step begins. @throws HozenError LEASE_LOST */
export async function beginStep(database: DataSource, run: RunRow, step: StepRow): Promise<void> {
  await fenced(database, BEGIN_STEP, [run.id, run.epoch, step.step]);
}

/** Written before an index is rebuilt. @throws HozenError LEASE_LOST */
export async function markStep(database: DataSource, run: RunRow, step: StepRow, marks: RebuildMarks): Promise<void> {
  await fenced(database, MARK_STEP, [run.id, run.epoch, step.step, JSON.stringify(marks)]);
}

/** @throws HozenError LEASE_LOST */
export async function endStep(
  database: DataSource,
  run: RunRow,
  step: StepRow,
  state: 'done' | 'failed' | 'skipped',
  outcome: string,
): Promise<void> {
  await fenced(database, END_STEP, [run.id, run.epoch, step.step, state, outcome.replaceAll('\0', '\uFFFD')]);
}

export function markedSteps(
  database: DataSource,
  run: RunRow,
  name: string,
): Promise<(StepRow & { marks: RebuildMarks })[]> {
  return database.query(MARKED_STEPS, [run.target_id, name]);
}

/** Nothing of this rebuild is left on the target. One that is still under way keeps its marks. */
export async function forgetMarks(database: DataSource, step: StepRow): Promise<void> {
  await database.query(FORGET_MARKS, [step.run_id, step.step]);
}

export interface StepFaults {
  steps: number;
  failed: number;
  /** The first few, with what was tried. */
  faults: string[] | null;
}

export async function faultsOf(database: DataSource, run: RunRow): Promise<StepFaults> {
  const [faults] = await database.query<StepFaults[]>(FAILED_STEPS, [run.id]);
  return faults ?? { steps: 0, failed: 0, faults: null };
}

async function fenced(database: DataSource, sql: string, values: unknown[]): Promise<void> {
  const [rows] = await database.query<[unknown[], number]>(sql, values);
  if (rows.length === 0) throw lostLease();
}
