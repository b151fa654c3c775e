import { asHozenError, HozenError, warningText } from '@hozen/contracts';
import { asTargetError, connect, type PostgresAddress, type TargetClient } from '@hozen/dbms';
import { HandBack } from '@hozen/persistence';
import { failpoint, inSpan } from '@hozen/telemetry';
import type { ProgressUpdate } from '../runs/progress-meter.js';
import { OutcomeUnknown } from './opening.js';

/** Of `vacuumdb --analyze-in-stages`: values of `default_statistics_target`; the last is what the server has set. */
const STAGES = ['1', '10', 'DEFAULT'] as const;

/**
 * An application that is let in already may hold a table; what a database has set for its sessions is not for this one. Statistics
 * that a crash takes are made again.
 */
const SETTINGS = `SET search_path = ''; SET vacuum_cost_delay = 0; SET lock_timeout = '60s'; SET statement_timeout = 0;
  SET synchronous_commit = off`;

/** Of tables that are dropped meanwhile nobody wants to hear. */
const UNDEFINED_TABLE = '42P01';

const NAMED_IN_WARNING = 5;

/**
 * Tables that a stage is still due for: how often each was analysed is counted by the server, and begins at nothing in what was just
 * made. So whoever takes over goes on where the one before was killed.
 */
const DUE = `
  SELECT format('%I.%I', n.nspname, c.relname) AS name, coalesce(pg_relation_size(c.oid), 0)::float8 AS bytes
    FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
    LEFT JOIN pg_stat_all_tables AS s ON s.relid = c.oid
   WHERE c.relkind = ANY ($1) AND c.relpersistence <> 't' AND coalesce(s.analyze_count, 0) < $2
     AND (c.relkind <> 'p' OR NOT c.relispartition)
     AND ($3::jsonb IS NULL OR jsonb_build_array(n.nspname, c.relname) IN (SELECT jsonb_array_elements($3)))
   ORDER BY c.relpages, c.oid`;

/** A database whose planner is to know what is in it. */
export interface AnalyzedDatabase {
  name: string;
  /** Only these; all of them, and the catalogue, where there are none. */
  tables?: readonly { schema: string; name: string }[];
}

export interface Analysis {
  address: PostgresAddress;
  applicationName: string;
  signal: AbortSignal;
  progress: (update: ProgressUpdate) => void;
}

/**
 * The first stage, of a few pages of each table: enough to let an application in. What it cannot analyse the later stages tell of.
 * @throws HozenError of the TARGET_ codes when the server cannot be reached
 */
export async function analyzeRoughly(analysis: Analysis, database: AnalyzedDatabase): Promise<void> {
  await analyzeStage(analysis, database, 1);
}

/**
 * All stages that are left, of databases that are open: first a little of every one, then more. Nothing that goes wrong undoes the
 * restore.
 * @returns warnings
 * @throws OutcomeUnknown, or what the signal says, when another worker is to go on
 */
export async function analyzeInStages(analysis: Analysis, databases: readonly AnalyzedDatabase[]): Promise<string[]> {
  return inSpan('analyze', {}, async () => {
    const missed = new Set<string>();
    try {
      for (const stage of STAGES.keys()) {
        for (const database of databases) {
          for (const what of await tryStage(analysis, database, stage + 1)) missed.add(what);
          await failpoint('restore.analyzed');
        }
      }
    } catch (cause) {
      if (cause === analysis.signal.reason) throw cause;
      throw new OutcomeUnknown('what was restored is open, and its statistics are not complete', { cause });
    }
    return [...missed].slice(0, NAMED_IN_WARNING).map((what) => warningText('restore.statistics-incomplete', { what }));
  });
}

async function tryStage(analysis: Analysis, database: AnalyzedDatabase, stage: number): Promise<string[]> {
  try {
    return await analyzeStage(analysis, database, stage);
  } catch (error) {
    const { signal } = analysis;
    if (error === signal.reason && isTakenOver(signal.reason)) throw error;
    return [warningText('what.database', { database: database.name, reason: asHozenError(error).message })];
  }
}

/** Who cancels it, or waits too long, has the databases all the same. */
function isTakenOver(reason: unknown): boolean {
  return reason instanceof HandBack || (reason instanceof HozenError && reason.code === 'LEASE_LOST');
}

/** @returns what could not be analysed */
async function analyzeStage(
  { address, applicationName, signal, progress }: Analysis,
  { name: database, tables }: AnalyzedDatabase,
  stage: number,
): Promise<string[]> {
  signal.throwIfAborted();
  await using client = await connect(address, { applicationName, database });
  await client.query(`${SETTINGS}; SET default_statistics_target = ${STAGES[stage - 1]}`);
  const chosen = tables ? JSON.stringify(tables.map(({ schema, name }) => [schema, name])) : null;
  const missed: string[] = [];
  // One that is partitioned takes its partitions along; in the end only, for they have their turns in the others.
  const rounds = stage === STAGES.length ? [{ kinds: ['p'], times: 1 }] : [];
  for (const { kinds, times } of [...rounds, { kinds: ['r', 'm'], times: stage }]) {
    const { rows } = await client.query<{ name: string; bytes: number }>(DUE, [kinds, times, chosen]);
    const expectedBytes = rows.reduce((sum, { bytes }) => sum + bytes, 0);
    let bytes = 0;
    for (const table of rows) {
      signal.throwIfAborted();
      const item = `${database}: ${table.name} (${stage}/${STAGES.length})`;
      progress({ phase: 'analyzing', bytes, expectedBytes, item });
      const why = await analyzeTable(client, table.name);
      if (why) missed.push(warningText('what.table-of', { table: table.name, database, reason: why }));
      bytes += table.bytes;
    }
  }
  return missed;
}

async function analyzeTable(client: TargetClient, table: string): Promise<string | undefined> {
  try {
    await client.query(`ANALYZE ${table}`);
    return undefined;
  } catch (error) {
    const { code } = error as { code?: string };
    if (code === UNDEFINED_TABLE) return undefined;
    const problem = asTargetError(error, client.address);
    // The session is gone, and with it the stage.
    if (problem.code === 'TARGET_UNREACHABLE') throw problem;
    return problem.message;
  }
}
