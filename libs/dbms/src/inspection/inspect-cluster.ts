import type { TargetClient } from '../connection/connect.js';
import { asTargetError } from '../connection/target-error.js';
import { resultsOf } from '../connection/statements.js';
import type { ClusterFacts, DatabaseFacts, ServerActivity } from './cluster-facts.js';
import { activity, CLUSTER, DATABASES } from './cluster.sql.js';

/** Seconds after which a transaction counts as long: it holds back vacuum and may hold the locks that a backup waits for. */
const LONG_TRANSACTION_SECONDS = 300;

/** SQLSTATEs of a database that was dropped while its size was being asked. */
const VANISHED = new Set(['3D000', '58P01', '42704']);
const ATTEMPTS = 5;

/**
 * Looks at a server: one round trip, nothing changed.
 *
 * @throws HozenError of the TARGET_ codes
 */
export async function inspectCluster(client: TargetClient): Promise<ClusterFacts> {
  return (await inspectTogether(client, [])).facts;
}

/**
 * The same, and other statements with it in the one round trip. They may be repeated.
 * @returns `results`: the rows of each statement
 * @throws HozenError of the TARGET_ codes
 */
export async function inspectTogether(
  client: TargetClient,
  statements: readonly string[],
): Promise<{ facts: ClusterFacts; results: object[][] }> {
  try {
    const { cluster, databases, results } = await look(client, statements);
    const facts = {
      ...cluster,
      major: Math.floor(cluster.versionNum / 10_000),
      canReadEverything: cluster.canReadEverything && databases.every(mayEnter),
      databases,
      totals: totalsOf(databases),
    };
    return { facts, results };
  } catch (error) {
    throw asTargetError(error, client.address);
  }
}

/** @throws HozenError of the TARGET_ codes */
export async function inspectActivity(client: TargetClient): Promise<ServerActivity> {
  try {
    const { rows } = await client.query<ServerActivity>(activity(LONG_TRANSACTION_SECONDS));
    return one(rows);
  } catch (error) {
    throw asTargetError(error, client.address);
  }
}

type Cluster = Omit<ClusterFacts, 'major' | 'databases' | 'totals'>;

/** Databases may be dropped while we look. */
async function look(
  client: TargetClient,
  statements: readonly string[],
): Promise<{ cluster: Cluster; databases: DatabaseFacts[]; results: object[][] }> {
  for (let attempt = 1; ; attempt++) {
    try {
      const [cluster, databases, ...results] = await resultsOf(client, [CLUSTER, DATABASES, ...statements]);
      return { cluster: one(cluster as Cluster[]), databases: databases as DatabaseFacts[], results };
    } catch (error) {
      const code = error instanceof Error && 'code' in error ? String(error.code) : '';
      if (!VANISHED.has(code) || attempt === ATTEMPTS) throw error;
    }
  }
}

function one<T>(rows: readonly T[]): T {
  const [row] = rows;
  if (row === undefined) throw new Error('the server returned no row');
  return row;
}

/** A database that lets nobody in keeps nobody from reading the rest. */
function mayEnter({ allowConnections, isInvalid, mayConnect }: DatabaseFacts): boolean {
  return mayConnect || isInvalid || !allowConnections;
}

function totalsOf(databases: readonly DatabaseFacts[]): ClusterFacts['totals'] {
  return { databases: databases.length, bytes: databases.reduce((sum, { bytes }) => sum + (bytes ?? 0), 0) };
}
