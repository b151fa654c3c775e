import { escapeIdentifier } from 'pg';
import { isLeftoverName } from '../diagnosis/leftover-name.js';
import type { RebuildMarks, StepRow } from '../store/rows.js';
import { BUILDERS_ON_TABLE, INDEXES_OF_TABLE } from './index-state.sql.js';
import { runWatched, waitUntilFree } from './run-watched.js';
import type { WorkSession } from './work-session.js';

interface IndexOfTable {
  oid: number;
  schema: string;
  name: string;
  valid: boolean;
}

/**
 * Drops what our own interrupted rebuild of an index has left: the half-built new copy, or the old one after the swap.
 * Only an index that is not valid, that bears the name such a copy of this very index gets, and that was not there
 * before we began; and only while nobody else is building on the table, whose copy would look the same.
 * @returns the names of what was dropped
 * @throws HozenError TARGET_LOCKED, or another of the TARGET_ codes
 */
export async function dropLeftovers(
  session: WorkSession,
  step: StepRow,
  marks: RebuildMarks,
  signal: AbortSignal,
): Promise<string[]> {
  const found = async () =>
    (await session.ask<IndexOfTable>(INDEXES_OF_TABLE, [marks.tableOid])).filter(
      ({ oid, schema, name, valid }) =>
        !valid && schema === step.schema_name && isLeftoverName(name, step.object_name) && !marks.others.includes(oid),
    );
  if ((await found()).length === 0) return [];
  await waitUntilFree(session, signal, async () => {
    const builders = await session.ask<{ pid: number }>(BUILDERS_ON_TABLE, [marks.tableOid, session.workerPid]);
    return builders.map(({ pid }) => pid);
  });
  const dropped: string[] = [];
  for (const { schema, name } of await found()) {
    const qualified = `${escapeIdentifier(schema)}.${escapeIdentifier(name)}`;
    await runWatched(session, `DROP INDEX CONCURRENTLY IF EXISTS ${qualified}`, signal);
    dropped.push(name);
  }
  return dropped;
}
