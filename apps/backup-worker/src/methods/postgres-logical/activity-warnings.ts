import { warningText } from '@hozen/contracts';
import { connect, inspectActivity, sessionName } from '@hozen/dbms';
import type { ClusterDump } from './dump-database.js';

/** What goes on in the server and people should know of: transactions that hold back vacuum, and perhaps locks. */
export async function activityWarnings({ job, target, signal }: Pick<ClusterDump, 'job' | 'target' | 'signal'>) {
  if (signal.aborted) return [];
  await using client = await connect(target.address, { applicationName: sessionName(job.runId, job.epoch) });
  const { longTransactions } = await inspectActivity(client);
  return longTransactions.map(({ pid, database, user, seconds }) =>
    warningText('transaction.open', { seconds, pid, user: user ?? '?', database: database ?? '?' }),
  );
}
