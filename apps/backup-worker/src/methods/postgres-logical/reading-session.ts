import { asTargetError, connect, resultsOf, sessionName, type DatabaseFacts, type TargetClient } from '@hozen/dbms';
import type { SessionOwner } from '../../job.js';
import type { CheckedTarget } from './checked-target.js';
import { BEGIN, lockForReading } from './database-snapshot.js';
import { sessionSettings, textSettings } from './tables.sql.js';

/**
 * A session that reads the given tables as they were at the moment of a snapshot. It locks them all at once: one that
 * locked a table only when its turn comes might wait behind a DDL statement that itself waits for our snapshot to end.
 * @param signal ends it, even while it waits for a lock
 * @throws HozenError TARGET_LOCKED, and what connect throws
 */
export async function openReadingSession(
  job: SessionOwner,
  target: CheckedTarget,
  database: DatabaseFacts,
  snapshotId: string,
  tables: readonly { schema: string; name: string }[],
  signal: AbortSignal,
): Promise<TargetClient> {
  const { address } = target;
  const client = await connect(address, {
    applicationName: sessionName(job.runId, job.epoch),
    database: database.name,
  });
  const stop = () => void client.end().catch(() => undefined);
  signal.addEventListener('abort', stop, { once: true });
  try {
    signal.throwIfAborted();
    // On its own: a limit on statements that the role has holds for all that is sent together.
    await resultsOf(client, sessionSettings(job.config.lockWaitSeconds));
    await resultsOf(client, [
      BEGIN,
      `SET TRANSACTION SNAPSHOT ${client.escapeLiteral(snapshotId)}`,
      ...lockForReading(client, tables),
      // The last of all: from now on texts come in the encoding of the database, which this driver need not know.
      textSettings(database.encoding),
    ]);
    return client;
  } catch (error) {
    await client[Symbol.asyncDispose]();
    throw signal.aborted ? signal.reason : asTargetError(error, client.address);
  } finally {
    signal.removeEventListener('abort', stop);
  }
}
