import type { ClusterFacts, PostgresTools, ToolEnvironment } from '@hozen/dbms';
import type { SessionOwner } from '../../job.js';
import { inLargePieces } from '../../pipeline/large-pieces.js';
import { startTool, type StartedTool } from '../../pipeline/pour.js';
import type { ToolOutput } from '../../pipeline/tool-output.js';
import type { PlannedDump } from './plan-database.js';

/** What every pg_dump of a dump is started with. */
export interface DumpPrograms {
  job: SessionOwner;
  target: { facts: Pick<ClusterFacts, 'inRecovery'>; tools: Pick<PostgresTools, 'path'> };
  env: Promise<ToolEnvironment>;
  /** Ends the programs. */
  signal: AbortSignal;
}

/**
 * Starts pg_dump on a snapshot that somebody holds.
 * @param output where it is opened already
 */
export async function startDump(
  { job, target, env, signal }: DumpPrograms,
  of: { database: string; snapshotId: string; planned: Pick<PlannedDump, 'name' | 'args'> },
  output?: Promise<ToolOutput>,
): Promise<StartedTool> {
  const run = {
    path: target.tools.path('pg_dump'),
    args: [
      '--format=custom',
      '--compress=0',
      '--no-password',
      `--snapshot=${of.snapshotId}`,
      `--lock-wait-timeout=${job.config.lockWaitSeconds * 1000}`,
      // Unlogged tables are empty on a standby, and cannot be read there.
      ...(target.facts.inRecovery ? ['--no-unlogged-table-data'] : []),
      ...of.planned.args,
    ],
    env: inLargePieces((await env).forDatabase(of.database)),
    signal,
    attributes: { 'hozen.stream': of.planned.name, 'db.namespace': of.database },
  };
  return startTool(run, output);
}
