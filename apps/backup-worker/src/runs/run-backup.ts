import { HozenError, type ErrorCode, type ProofFacts, warningText } from '@hozen/contracts';
import type { AttemptContext, BackupJob } from '../job.js';
import { checkRoom } from '../methods/check-room.js';
import type { ReadyTarget } from '../methods/method.js';
import { methodOf } from '../methods/methods.js';
import { artefactPaths } from '../storage/artefact-paths.js';
import { commitArtefact } from '../storage/commit-artefact.js';
import { canBeRead, findCommitted, type CommittedArtefact } from '../storage/committed-artefact.js';
import { openArtefact } from '../storage/open-artefact.js';
import type { CopyOutcome, SecondSink } from '../storage/storage.js';
import { checkArtefact } from '../verification/check-artefact.js';
import { checkFile } from '../verification/check-file.js';
import { unconfinedWarnings } from '../verification/unconfined.js';

/** Errors of a proof that say nothing about the backup. */
const SAYS_NOTHING: ReadonlySet<ErrorCode> = new Set(['SANDBOX_FAILED', 'SANDBOX_MISSING']);

/** Methods whose proof starts programs of the servers on what the backup holds. */
const RUNS_PROGRAMS = /^hozen-(?:postgres|mariadb)-/;

/** What one attempt brought: the artefact, its proof, and what was noticed on the way. */
export interface BackupResult {
  artefact: CommittedArtefact;
  proof: ProofFacts;
  warnings: string[];
  /** Of the second storage, where there is one. */
  copy?: CopyOutcome;
  /** Why it is not proven as it should be, although nothing is known to be wrong with it. */
  unproven?: HozenError;
}

/**
 * One attempt, from the target to the proven artefact. It publishes nothing but the artefact; what the outcome means for
 * the run is decided by the caller.
 * @param checking the check of the target, begun while the attempt was being written down
 */
export async function runBackup(
  job: BackupJob,
  checking: Promise<ReadyTarget>,
  context: AttemptContext,
): Promise<BackupResult> {
  // An earlier attempt may have died between its commit and its proof: that artefact is proven, not made again.
  const committed = await findCommitted(job);
  if (committed) return withLaterCopy(job, await provenResult(job, committed, context));
  const { artefact, second } = await makeArtefact(job, checking, context);
  try {
    const result = await provenResult(job, artefact, context);
    // Only what is proven is shown there: nobody can take it back where nobody may be reached.
    if (result.unproven) {
      await second?.abort();
      return { ...result, ...copiedLater(job) };
    }
    const copy = await second?.publish(context);
    return copy ? withCopy(result, copy) : result;
  } catch (error) {
    await second?.abort();
    throw error;
  }
}

function withCopy(result: BackupResult, copy: CopyOutcome): BackupResult {
  if (!copy.error) return { ...result, copy };
  const warning = warningText('copy.later', { path: copy.path, reason: copy.error.message });
  return { ...result, copy, warnings: [warning, ...result.warnings] };
}

/** What an attempt that died left in the second storage is not known: it is copied anew. */
function withLaterCopy(job: BackupJob, result: BackupResult): BackupResult {
  const later = copiedLater(job);
  if (!later.copy) return result;
  const warning = warningText('copy.later', { path: later.copy.path, reason: warningText('reason.attempt-ended') });
  return { ...result, ...later, warnings: [warning, ...result.warnings] };
}

function copiedLater(job: BackupJob): Pick<BackupResult, 'copy'> {
  const storage = job.config.secondaryStorage;
  return storage ? { copy: { path: artefactPaths(job, storage).data, storage, state: 'pending' } } : {};
}

async function provenResult(
  job: BackupJob,
  artefact: CommittedArtefact,
  context: AttemptContext,
): Promise<BackupResult> {
  const { warnings } = artefact.manifest;
  if (!canBeRead(artefact)) {
    const notRead = warningText('proof.not-read');
    context.log.warn({ path: artefact.path }, notRead);
    const proof = await timed(() => checkFile(artefact, context));
    return { artefact, proof, warnings: [...warnings, notRead] };
  }
  const begunAt = performance.now();
  try {
    const result = proven(await prove(job, artefact, context), artefact);
    const runsPrograms = job.proof === 'restore' && RUNS_PROGRAMS.test(artefact.manifest.format);
    return runsPrograms ? { ...result, warnings: [...result.warnings, ...(await unconfinedWarnings())] } : result;
  } catch (error) {
    if (!(error instanceof HozenError) || !SAYS_NOTHING.has(error.code)) throw error;
    // It was read back and is whole; a scratch server that fails says nothing about it.
    const proof = {
      level: 'checksum',
      databases: 0,
      tables: 0,
      seconds: (performance.now() - begunAt) / 1000,
    } as const;
    const notRestored = warningText('proof.not-restored', { reason: error.message });
    return { artefact, proof, warnings: [notRestored, ...warnings], unproven: error };
  }
}

function proven(proof: ProofFacts, artefact: CommittedArtefact): BackupResult {
  const { warnings, git } = artefact.manifest;
  const failed = (proof.failedAssertions ?? []).map((each) => warningText('proof.not-true', { reason: each }));
  const proven = git ? Object.assign(proof, { commit: { id: git.commit, changed: git.changed } }) : proof;
  return {
    artefact,
    proof: proven,
    warnings: [...(proof.damaged ? [warningText('proof.damaged')] : []), ...failed, ...warnings],
  };
}

async function makeArtefact(
  job: BackupJob,
  checking: Promise<ReadyTarget>,
  context: AttemptContext,
): Promise<{ artefact: CommittedArtefact; second: SecondSink | undefined }> {
  // It is kept while the first bytes are being read: the books of all workers take longer than the look at the target.
  const room = checkRoom(job, checking, context.keepSpace);
  room.catch(() => undefined);
  const target = await checking;
  const opening = openArtefact(job, target.bytes, context.pace);
  // That there is no room says more than that nothing could be opened.
  const { kept } = await room.catch(async (error: unknown) => {
    await (await opening.catch(() => undefined))?.abort();
    throw error;
  });
  const refused = new AbortController();
  kept.catch((error: unknown) => refused.abort(error));
  const writer = await opening;
  try {
    const signal = AbortSignal.any([context.signal, refused.signal]);
    const summary = await target.dump(job, writer, { ...context, signal });
    await kept;
    context.progress({ phase: 'committing' });
    return { artefact: await commitArtefact(job, writer, summary, context), second: writer.sink.second };
  } catch (error) {
    await writer.abort();
    await writer.sink.second?.abort();
    refused.signal.throwIfAborted();
    throw error;
  }
}

async function prove(job: BackupJob, artefact: CommittedArtefact, context: AttemptContext): Promise<ProofFacts> {
  const checked = await timed(() => checkArtefact(job, artefact, context));
  return job.proof === 'restore' ? methodOf(job.config.method).prove(job, artefact, context) : checked;
}

async function timed(check: () => Promise<void>): Promise<ProofFacts> {
  const begunAt = performance.now();
  await check();
  return { level: 'checksum', databases: 0, tables: 0, seconds: (performance.now() - begunAt) / 1000 };
}
