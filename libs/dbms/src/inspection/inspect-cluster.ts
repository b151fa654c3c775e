import type { TargetClient } from '../connection/connect.js';
import { asTargetError } from '../connection/target-error.js';
import type { ClusterFacts, DatabaseFacts } from './cluster-facts.js';
import { CLUSTER, DATABASES } from './cluster.sql.js';

/** Seconds after which a transaction counts as long: it holds back vacuum and may hold the locks that a backup waits for. */
const LONG_TRANSACTION_SECONDS = 300;

/** SQLSTATEs of a database that was dropped while its size was being asked. */
const VANISHED = new Set(['3D000', '58P01', '42704']);
const ATTEMPTS = 5;

/**
 * Looks at a server: two statements, nothing changed.
 *
 * @throws HozenError of the TARGET_ codes
 */
export async function inspectCluster(client: TargetClient): Promise<ClusterFacts> {
  try {
    const { rows } = await client.query<Omit<ClusterFacts, 'major' | 'databases' | 'totals'>>(CLUSTER, [
      LONG_TRANSACTION_SECONDS,
    ]);
    const [cluster] = rows;
    if (cluster === undefined) throw new Error('the server returned no row');
    const databases = await listDatabases(client);
    return {
      ...cluster,
      major: Math.floor(cluster.versionNum / 10_000),
      canReadEverything: cluster.canReadEverything && databases.every(mayEnter),
      databases,
      totals: totalsOf(databases),
    };
  } catch (error) {
    throw asTargetError(error, client.address);
  }
}

/** Databases may be dropped while we look. */
async function listDatabases(client: TargetClient): Promise<DatabaseFacts[]> {
  for (let attempt = 1; ; attempt++) {
    try {
      return (await client.query<DatabaseFacts>(DATABASES)).rows;
    } catch (error) {
      const code = error instanceof Error && 'code' in error ? String(error.code) : '';
      if (!VANISHED.has(code) || attempt === ATTEMPTS) throw error;
    }
  }
}

/** A database that lets nobody in keeps nobody from reading the rest. */
function mayEnter({ allowConnections, isInvalid, mayConnect }: DatabaseFacts): boolean {
  return mayConnect || isInvalid || !allowConnections;
}

function totalsOf(databases: readonly DatabaseFacts[]): ClusterFacts['totals'] {
  return { databases: databases.length, bytes: databases.reduce((sum, { bytes }) => sum + (bytes ?? 0), 0) };
}
