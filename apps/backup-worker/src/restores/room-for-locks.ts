import { warningText, type RestoreObstacle } from '@hozen/contracts';
import type { TargetClient } from '@hozen/dbms';

/** As the server computes it when it starts: for so many transactions there is room for `max_locks_per_transaction` locks each. */
const TRANSACTIONS = [
  `current_setting('max_connections')::int`,
  `current_setting('max_prepared_transactions')::int`,
  `current_setting('max_worker_processes')::int`,
  `current_setting('max_wal_senders')::int`,
  // The first since version 18.
  `coalesce(current_setting('autovacuum_worker_slots', true), current_setting('autovacuum_max_workers'))::int`,
  '1',
].join(' + ');

const ROOM = `
  SELECT current_setting('max_locks_per_transaction')::int AS "perTransaction", ${TRANSACTIONS} AS "transactions"`;

/**
 * Whether all tables of a database can be locked at once: pg_dump does that, when the restored database is compared with the
 * backup. The server would say so only then, after hours perhaps.
 */
export async function roomForLocks(
  client: TargetClient,
  { name: database, tables }: { name: string; tables: number },
): Promise<{ kind: RestoreObstacle; what: string }[]> {
  const { rows } = await client.query<{ perTransaction: number; transactions: number }>(ROOM);
  const { perTransaction = 0, transactions = 1 } = rows[0] ?? {};
  if (tables <= perTransaction * transactions) return [];
  // Others want some, too.
  const locks = Math.ceil((tables * 1.1) / transactions);
  return [{ kind: 'locks-too-few', what: warningText('what.locks', { tables, database, locks }) }];
}
