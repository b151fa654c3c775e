import { asTargetError, connect, resultsOf, sessionName, type PostgresAddress, type TargetClient } from '@hozen/dbms';
import type { SessionOwner } from '../../job.js';
import { sessionSettings, TABLE_NAMES, type TableName } from './tables.sql.js';

/** A session that is about to take a snapshot: connected, with its settings, and it has seen which tables there are. */
export interface SnapshotSession {
  client: TargetClient;
  /** To be locked at once, so that few have changed since. */
  tables: TableName[];
}

/** @throws HozenError as every connection */
export async function beginSnapshotSession(
  job: SessionOwner,
  address: PostgresAddress,
  database: string,
): Promise<SnapshotSession> {
  const client = await connect(address, { applicationName: sessionName(job.runId, job.epoch), database });
  return prepared(client, job.config.lockWaitSeconds);
}

/** On a connection that is there already; closed when it cannot be used. @throws HozenError as every connection */
export async function prepared(client: TargetClient, lockWaitSeconds: number): Promise<SnapshotSession> {
  try {
    // On their own: before version 13 a limit that the role has on statements holds for all that is sent together.
    await resultsOf(client, sessionSettings(lockWaitSeconds));
    return { client, tables: (await client.query<TableName>(TABLE_NAMES)).rows };
  } catch (error) {
    await client[Symbol.asyncDispose]();
    throw asTargetError(error, client.address);
  }
}
