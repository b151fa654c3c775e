import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import {
  asHozenError,
  HozenError,
  newEvent,
  type ErrorCode,
  type ProgressView,
  type ProofFacts,
} from '@hozen/contracts';
import { removeFolder, withChildLimits } from '@hozen/dbms';
import { HandBack, isLossOfOwnDatabase } from '@hozen/persistence';
import { inSpan, withLogFields } from '@hozen/telemetry';
import type { BackupJob } from '../job.js';
import { methodOf } from '../methods/methods.js';
import { givingWay } from '../resources/worker-resources.js';
import { sourceOf, type RestoreSource } from '../restores/find-source.js';
import { traced } from '../runs/begin-attempt.js';
import type { ExecutionContext } from '../runs/execution-context.js';
import { SOURCE } from '../runs/facts.js';
import { jobOf } from '../runs/job-of.js';
import { loadPlan } from '../runs/load-plan.js';
import { underLease, type Leased } from '../runs/under-lease.js';
import { canBeRead, publishedArtefact } from '../storage/committed-artefact.js';
import { spoolFolders } from '../storage/spool-folders.js';
import type { RunRow } from '../store/entities.js';
import { checkArtefact } from '../verification/check-artefact.js';
import { checkFile } from '../verification/check-file.js';
import { renewLease } from '../runs/renew-lease.js';
import { finishNotVerified, finishVerified } from './finish-verification.js';
import { handBack, suspect } from './look-again.js';
import { recoveryPointAge } from './recovery-point.js';
import { tryKey } from './try-key.js';
import { verificationFacts, type VerificationRow } from './verification-row.js';

/** What the worker gives to each verification. */
export type VerificationContext = Omit<ExecutionContext, 'afterRun' | 'resources'>;

/** RS-3 says two hours for a restore; a proof also reads everything. */
const LIMIT_MINUTES = 24 * 60;
/** Workers that may die with it before it is given up. */
const TAKEOVERS_ALLOWED = 3;

/** Errors that lie in the artefact itself. Everything else says nothing about it. */
const BAD: ReadonlySet<ErrorCode> = new Set([
  'ARTEFACT_MISSING',
  'ARTEFACT_CORRUPT',
  'CONTENT_DIFFERS',
  'ASSERTION_FAILED',
  'SIGNATURE_MISSING',
  'SIGNATURE_WRONG',
]);

/** A claimed verification, from the claim to its end. What cannot be settled is left to the lease. */
export async function executeVerification(
  row: VerificationRow,
  claimedAt: number,
  context: VerificationContext,
): Promise<void> {
  const attributes = { 'hozen.verification_id': row.id, 'hozen.run_id': row.run_id, 'hozen.attempt': row.attempt };
  const spoolDir = join(context.spoolRoot, `${row.id}.${row.epoch}`);
  const renew = (progress: ProgressView | undefined) => renewLease(context.database, 'verifications', row, progress);
  await withLogFields({ verification_id: row.id, attempt: row.attempt }, () =>
    inSpan('verify backup', { attributes, parent: row.traceparent ?? undefined }, async () => {
      try {
        await underLease(
          { claimedAt, shutdown: context.shutdown, limitMinutes: LIMIT_MINUTES, renew },
          (leased) => verify(row, spoolDir, leased, context),
          (reason) => settle(row, reason, context),
        );
      } catch (error) {
        context.log.error({ err: error }, 'the verification could not be settled; its lease runs out, another follows');
      } finally {
        for (const folder of await spoolFolders(spoolDir)) await removeFolder(folder);
      }
    }),
  );
}

async function verify(
  row: VerificationRow,
  spoolDir: string,
  leased: Leased,
  context: VerificationContext,
): Promise<void> {
  if (row.cancel_requested_at) throw new HozenError('CANCELLED');
  if (row.attempt > TAKEOVERS_ALLOWED + 1) throw new HozenError('ABANDONED', { attempts: row.attempt - 1 });
  await announce(row, context);
  // The scratch server runs as another user when the worker is root, and has to pass through.
  await mkdir(spoolDir, { recursive: true, mode: 0o711 });
  const source = await sourceOf(row, context.database);
  const job = await jobFor(row, spoolDir, context);
  return withChildLimits(givingWay(job.config.resources), () => verifyGivingWay(row, job, source, leased, context));
}

async function verifyGivingWay(
  row: VerificationRow,
  job: BackupJob,
  source: RestoreSource,
  leased: Leased,
  context: VerificationContext,
): Promise<void> {
  const about = { ...leased, log: context.log, lineage: NO_LINEAGE };
  const begunAt = performance.now();
  const seconds = () => (performance.now() - begunAt) / 1000;
  if (row.identity !== null) {
    const recipients = await tryKey(job, source, row.identity, about);
    leased.signal.throwIfAborted();
    return finishVerified(context.outbox, row, {
      proof: readBack(seconds()),
      rtoSeconds: undefined,
      rpoSeconds: undefined,
      recipients,
    });
  }
  const artefact = await publishedArtefact(source.path, source);
  const rpoSeconds = row.kind === 'full' ? await recoveryPointAge(context.database, row.run_id) : undefined;
  let proof: ProofFacts;
  // Without the key an encrypted one can be compared with its checksum, and no more.
  await (row.kind === 'spot' && !canBeRead(artefact)
    ? checkFile(artefact, about)
    : checkArtefact(job, artefact, about));
  if (row.kind === 'spot') proof = readBack(seconds());
  else proof = await methodOf(job.config.method).prove(job, artefact, about);
  leased.signal.throwIfAborted();
  const { failedAssertions } = proof;
  if (failedAssertions) throw new HozenError('ASSERTION_FAILED', { what: failedAssertions.join('; ') });
  const isRestored = proof.level === 'restore';
  await finishVerified(context.outbox, row, { proof, rpoSeconds, rtoSeconds: isRestored ? proof.seconds : undefined });
}

function readBack(seconds: number): ProofFacts {
  return { level: 'checksum', databases: 0, tables: 0, seconds };
}

/** Nothing is made: nothing builds on anything. */
const NO_LINEAGE = {
  newest: () => Promise.resolve(undefined),
  copyWithoutLog: () => Promise.resolve(undefined),
  choose: () => Promise.resolve(),
};

/** The run's job as it would be now, under the name of the verification: its sessions and folders are its own. */
async function jobFor(
  row: VerificationRow,
  spoolDir: string,
  { database, spoolRoot }: VerificationContext,
): Promise<BackupJob> {
  const [run] = await database.query<RunRow[]>('SELECT * FROM backup_runs WHERE id = $1', [row.run_id]);
  if (!run) throw new HozenError('NOT_FOUND', { what: 'run', id: row.run_id, list: 'runs' });
  const plan = await loadPlan(database, run);
  const job = jobOf(run, plan, run.started_at ?? run.queued_at, spoolRoot);
  return { ...job, runId: row.id, epoch: Number(row.epoch), attempt: row.attempt, proof: 'restore', spoolDir };
}

async function announce(row: VerificationRow, context: VerificationContext): Promise<void> {
  const data = { ...verificationFacts(row), attempt: row.attempt, startedAt: new Date().toISOString() };
  const about = { source: SOURCE, subject: row.id, ...traced() };
  await context.outbox.transaction((tx) => tx.publish(newEvent('verification.started', data, about)));
}

/** What is found to be wrong is looked at once more before it is believed. A worker that stops leaves it to the next one. */
async function settle(row: VerificationRow, reason: unknown, context: VerificationContext): Promise<void> {
  if (isLossOfOwnDatabase(reason)) throw reason;
  if (reason instanceof HandBack) return handBack(context.database, row);
  const error = asHozenError(reason);
  if (error.code === 'LEASE_LOST') {
    context.log.warn('the lease is lost: the verification is another worker’s now');
    return;
  }
  const isBad = BAD.has(error.code);
  context.log.error({ err: reason, code: error.code }, 'the backup was not found good');
  if (isBad && row.suspicion === null) return suspect(context.database, row, error);
  await context.outbox.transaction((tx) => finishNotVerified(tx, row, error, isBad ? 'bad' : 'unknown'));
}
