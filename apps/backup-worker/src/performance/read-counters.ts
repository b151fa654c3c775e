import { performance } from 'node:perf_hooks';
import { addressOf, connect, type TargetClient } from '@hozen/dbms';
import type { TargetSpec } from '@hozen/contracts';
import type { Counters } from './measures.js';

const APPLICATION = 'hozen performance';
/** A look must not be what a slow server waits for. */
const PATIENCE_MS = 5_000;
const ROUND_TRIPS = 5;

const COUNTERS = `
  SELECT extract(epoch FROM clock_timestamp())::float8 AS at,
         extract(epoch FROM pg_postmaster_start_time())::float8 AS "startedAt",
         sum(xact_commit)::float8 AS commits, sum(blks_read)::float8 AS "blocksRead", sum(blks_hit)::float8 AS "blocksHit",
         sum(blk_read_time)::float8 AS "readMs", sum(temp_bytes)::float8 AS "tempBytes", sum(deadlocks)::float8 AS deadlocks,
         (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend')::float8 AS connections
    FROM pg_stat_database`;

const STATEMENTS_SCHEMA = `
  SELECT nspname::text AS schema
    FROM pg_extension AS extension JOIN pg_namespace AS namespace ON namespace.oid = extension.extnamespace
   WHERE extname = 'pg_stat_statements'`;

/** What a server has counted so far, by one short session. @throws HozenError of the TARGET_ codes */
export async function readCounters(spec: TargetSpec): Promise<Counters> {
  await using client = await connect(await addressOf(spec), {
    applicationName: APPLICATION,
    statementTimeoutMs: PATIENCE_MS,
    connectTimeoutMs: PATIENCE_MS,
  });
  const { rows } = await client.query<Omit<Counters, 'roundTripMs'>>(COUNTERS);
  const [counted] = rows;
  if (!counted) throw new Error('the server counted nothing');
  const statements = await statementsOf(client);
  return { ...counted, roundTripMs: await roundTrip(client), ...(statements ? { statements } : {}) };
}

/** The extension may be there without its library, or not be ours to read. */
async function statementsOf(client: TargetClient): Promise<Counters['statements']> {
  try {
    const { rows } = await client.query<{ schema: string }>(STATEMENTS_SCHEMA);
    if (!rows[0]) return undefined;
    const found = await client.query<{ calls: number; ms: number }>(
      `SELECT coalesce(sum(calls), 0)::float8 AS calls, coalesce(sum(total_exec_time), 0)::float8 AS ms
         FROM ${client.escapeIdentifier(rows[0].schema)}.pg_stat_statements`,
    );
    return found.rows[0];
  } catch {
    return undefined;
  }
}

/** The median of a few, in milliseconds. */
async function roundTrip(client: TargetClient): Promise<number> {
  const taken: number[] = [];
  for (let n = 0; n < ROUND_TRIPS; n++) {
    const sentAt = performance.now();
    await client.query('SELECT 1');
    taken.push(performance.now() - sentAt);
  }
  return taken.toSorted((a, b) => a - b)[Math.floor(ROUND_TRIPS / 2)] ?? 0;
}
