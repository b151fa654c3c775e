import { failpoint } from '@hozen/telemetry';
import type { RebuildMarks, StepRow } from '../store/rows.js';
import { INDEX_STATE, INDEXES_OF_TABLE } from './index-state.sql.js';
import { runWatched } from './run-watched.js';
import { Skipped, StepError } from './step-error.js';
import type { WorkSession } from './work-session.js';

interface IndexState {
  indexOid: number;
  tableOid: number;
  valid: boolean;
}

/**
 * Rebuilds an index while its table is in use. An index that was rebuilt and put in place by an attempt that died is
 * told by its identity: the rebuilt one has another OID under the same name.
 * @param mark writes down what is there before the rebuild begins
 * @throws Skipped when there is nothing to rebuild any more; StepError when it is not valid afterwards
 */
export async function rebuildIndex(
  session: WorkSession,
  step: StepRow,
  mark: (marks: RebuildMarks) => Promise<void>,
  signal: AbortSignal,
): Promise<string> {
  const before = await stateOf(session, step);
  if (!before) throw new Skipped('the index is not there any more');
  if (before.valid && step.marks && step.marks.indexOid !== before.indexOid)
    return 'it was rebuilt by an earlier attempt';
  const indexes = await session.ask<{ oid: number }>(INDEXES_OF_TABLE, [before.tableOid]);
  const others = indexes.map(({ oid }) => oid).filter((oid) => oid !== before.indexOid);
  await mark({ tableOid: before.tableOid, indexOid: before.indexOid, others });
  await failpoint('maintenance.index-marked');
  await runWatched(session, step.statement, signal);
  const after = await stateOf(session, step);
  if (after && !after.valid) throw new StepError('the index is still not valid after it was rebuilt', true);
  return 'rebuilt';
}

async function stateOf(session: WorkSession, step: StepRow): Promise<IndexState | undefined> {
  const rows = await session.ask<IndexState>(INDEX_STATE, [step.schema_name, step.object_name]);
  return rows[0];
}
