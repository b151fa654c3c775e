import { statfs } from 'node:fs/promises';
import {
  addressOf,
  inspectActivity,
  inspectCluster,
  sessionName,
  type PostgresAddress,
  type TargetClient,
} from '@hozen/dbms';
import { HozenError, type TargetSpec } from '@hozen/contracts';
import * as databaseSql from './database.sql.js';
import { estimatedBloat, type IndexSize } from './index-bloat.js';
import { looking, rowsOf } from './run-queries.js';
import * as serverSql from './server.sql.js';
import type {
  BlockedSession,
  ConnectionFacts,
  DatabaseDetails,
  DatabaseHealth,
  DiskFacts,
  IndexFacts,
  PreparedTransaction,
  SlotFacts,
  StandbyFacts,
  TableFacts,
  TargetFacts,
} from './target-facts.js';

/** A diagnosis that takes longer would say nothing good of the server, and delays whoever waits for it. */
const LONGEST_DIAGNOSIS_MS = 120_000;

export interface DiagnosisRequest {
  run: { id: string; epoch: string };
  target: TargetSpec;
  /** Databases to look into; one that cannot be connected to is passed over. */
  databases: readonly string[];
  /** Smaller valid indexes are not looked at. */
  indexMinBytes: number;
  signal: AbortSignal;
}

/**
 * Looks at a target without changing anything.
 * @throws HozenError of the TARGET_ codes; DIAGNOSIS_FAILED when it takes longer than two minutes
 */
export async function diagnose(request: DiagnosisRequest): Promise<TargetFacts> {
  const limit = AbortSignal.timeout(LONGEST_DIAGNOSIS_MS);
  const signal = AbortSignal.any([request.signal, limit]);
  try {
    return await look({ ...request, signal });
  } catch (error) {
    if (!limit.aborted || request.signal.aborted) throw error;
    const detail = `it took longer than ${LONGEST_DIAGNOSIS_MS / 1000} seconds`;
    throw new HozenError('DIAGNOSIS_FAILED', { target: request.target.name }, { detail, cause: error });
  }
}

async function look(request: DiagnosisRequest): Promise<TargetFacts> {
  const address = await addressOf(request.target);
  const session = { applicationName: sessionName(request.run.id, BigInt(request.run.epoch)), signal: request.signal };
  const { major, ...facts } = await looking(address, session, (client) => lookAtServer(client, address));
  const details: DatabaseDetails[] = [];
  for (const name of request.databases) {
    const known = facts.databases.find((database) => database.name === name);
    if (!known?.allowConnections || known.isInvalid) continue;
    const lookInside = (client: TargetClient) => lookAtDatabase(client, name, major, request.indexMinBytes);
    details.push(await looking(address, { ...session, database: name }, lookInside));
  }
  return { ...facts, details };
}

async function lookAtServer(client: TargetClient, address: PostgresAddress) {
  const { databases, settings: _, ...cluster } = await inspectCluster(client);
  const server = { ...cluster, ...(await inspectActivity(client)) };
  const health = await rowsOf<Omit<DatabaseHealth, 'allowConnections' | 'isTemplate' | 'isInvalid' | 'bytes'>>(
    client,
    serverSql.databaseHealth(server.major),
  );
  const connections = (await rowsOf<ConnectionFacts>(client, serverSql.CONNECTIONS))[0];
  if (!connections) throw new Error('the server returned no row');
  const disk = await diskOf(client, address);
  const settings = await rowsOf<{ name: string; value: string }>(client, serverSql.SETTINGS);
  return {
    major: server.major,
    server,
    connections,
    blocked: await rowsOf<BlockedSession>(client, serverSql.BLOCKED),
    preparedTransactions: await rowsOf<PreparedTransaction>(client, serverSql.PREPARED_TRANSACTIONS),
    slots: await rowsOf<SlotFacts>(client, serverSql.SLOTS),
    standbys: await rowsOf<StandbyFacts>(client, serverSql.STANDBYS),
    settings: Object.fromEntries(settings.map(({ name, value }) => [name, value])),
    ...(disk === undefined ? {} : { disk }),
    databases: databases.flatMap(({ name, allowConnections, isTemplate, isInvalid, bytes }) => {
      const seen = health.find((each) => each.name === name);
      return seen ? [{ ...seen, allowConnections, isTemplate, isInvalid, bytes }] : [];
    }),
  };
}

async function lookAtDatabase(
  client: TargetClient,
  name: string,
  major: number,
  indexMinBytes: number,
): Promise<DatabaseDetails> {
  const tables = await rowsOf<TableFacts>(client, databaseSql.tables(major));
  const indexes = await rowsOf<IndexFacts & IndexSize>(client, databaseSql.indexes(major), [indexMinBytes]);
  const drifted = await rowsOf<{ name: string }>(client, databaseSql.DRIFTED_COLLATIONS);
  return { name, tables, indexes: indexes.map(indexFacts), driftedCollations: drifted.map((each) => each.name) };
}

function indexFacts(row: IndexFacts & IndexSize): IndexFacts {
  const { pages, entries, keyWidth, fillFactor, blockSize, columnsKnown, ...facts } = row;
  const bloatPercent = estimatedBloat({ pages, entries, keyWidth, fillFactor, blockSize, columnsKnown });
  return { ...facts, ...(bloatPercent === undefined ? {} : { bloatPercent }) };
}

/** PostgreSQL does not tell how full its disk is; where the server runs on this machine we can see for ourselves. */
async function diskOf(client: TargetClient, address: PostgresAddress): Promise<DiskFacts | undefined> {
  if (!address.host.startsWith('/') && !['localhost', '127.0.0.1', '::1'].includes(address.host)) return undefined;
  const [directory] = await rowsOf<{ path: string | null }>(client, serverSql.DATA_DIRECTORY);
  if (!directory?.path) return undefined;
  try {
    const disk = await statfs(directory.path);
    return { path: directory.path, totalBytes: disk.blocks * disk.bsize, freeBytes: disk.bavail * disk.bsize };
  } catch {
    // The path is inside a container, or not for us to see.
    return undefined;
  }
}
