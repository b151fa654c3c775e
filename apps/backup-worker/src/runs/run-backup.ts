import type { ProofFacts } from '@hozen/contracts';
import type { AttemptContext, BackupJob } from '../job.js';
import { checkRoom } from '../methods/postgres-logical/check-room.js';
import type { CheckedTarget } from '../methods/postgres-logical/check-target.js';
import { dumpCluster } from '../methods/postgres-logical/dump-cluster.js';
import { commitArtefact } from '../storage/commit-artefact.js';
import { findCommitted, type CommittedArtefact } from '../storage/committed-artefact.js';
import { openArtefact } from '../storage/open-artefact.js';
import { checkArtefact } from '../verification/check-artefact.js';
import { proveByRestore } from '../verification/prove-by-restore.js';

/** What one attempt brought: the artefact and its proof. */
export interface BackupResult {
  artefact: CommittedArtefact;
  proof: ProofFacts;
}

/**
 * One attempt, from the target to the proven artefact. It publishes nothing but the artefact; what the outcome means for
 * the run is decided by the caller.
 * @param checking the check of the target, begun while the attempt was being written down
 */
export async function runBackup(
  job: BackupJob,
  checking: Promise<CheckedTarget>,
  context: AttemptContext,
): Promise<BackupResult> {
  // An earlier attempt may have died between its commit and its proof: that artefact is proven, not made again.
  const artefact = (await findCommitted(job)) ?? (await makeArtefact(job, checking, context));
  return { artefact, proof: await prove(job, artefact, context) };
}

async function makeArtefact(
  job: BackupJob,
  checking: Promise<CheckedTarget>,
  context: AttemptContext,
): Promise<CommittedArtefact> {
  const target = await checking;
  await checkRoom(job, target);
  const writer = await openArtefact(job, target.facts.totals.bytes);
  try {
    const summary = await dumpCluster(job, target, writer, context);
    context.progress({ phase: 'committing' });
    return await commitArtefact(job, writer, summary, context);
  } catch (error) {
    await writer.abort();
    throw error;
  }
}

async function prove(job: BackupJob, artefact: CommittedArtefact, context: AttemptContext): Promise<ProofFacts> {
  const begunAt = performance.now();
  await checkArtefact(job, artefact, context);
  if (job.proof === 'restore') return proveByRestore(job, artefact, context);
  return { level: 'checksum', databases: 0, tables: 0, seconds: (performance.now() - begunAt) / 1000 };
}
