import {
  newEvent,
  type ErrorFacts,
  type HozenError,
  type ProofFacts,
  type RunState,
  type TriedRecipient,
  type Verdict,
} from '@hozen/contracts';
import type { Outbox, Transaction } from '@hozen/messaging';
import { traced } from '../runs/begin-attempt.js';
import { SOURCE } from '../runs/facts.js';
import { terminalKey } from '../runs/finish-run.js';
import { lostLease } from '../runs/lost-lease.js';
import { verificationFacts, type VerificationRow } from './verification-row.js';

/** The fence: only the owner of the epoch ends it, once. */
const END = `
  UPDATE verifications
     SET state = $3, finished_at = clock_timestamp(), lease_until = NULL, proof = $4::jsonb, rto_seconds = $5,
         rpo_seconds = $6, verdict = $7, error = $8::jsonb, recipients = $10::jsonb
   WHERE id = $1 AND epoch = $2 AND state = $9
  RETURNING started_at, finished_at`;

const MARK_BAD = `
  UPDATE backup_artefacts SET bad_since = coalesce(bad_since, clock_timestamp()) WHERE run_id = $1`;

/** Whatever was put right: it restores and compares again. A lesser look may not see what that one saw. */
const CLEAR_BAD = `UPDATE backup_artefacts SET bad_since = NULL WHERE run_id = $1 AND bad_since IS NOT NULL`;

/** What was found in storage is unproven until now. A drill of a key reads no more than it must, and proves the key. */
const PROVE = `
  UPDATE backup_artefacts SET proof = $2::jsonb, proven_at = clock_timestamp() WHERE run_id = $1 AND proof IS NULL`;

export interface Verified {
  proof: ProofFacts;
  rtoSeconds: number | undefined;
  rpoSeconds: number | undefined;
  recipients?: TriedRecipient[] | undefined;
}

interface End extends Partial<Verified> {
  state: RunState;
  verdict?: Verdict;
  error?: ErrorFacts;
}

/** Ends it well: state and `verification.completed` in one transaction. */
export async function finishVerified(outbox: Outbox, row: VerificationRow, found: Verified): Promise<void> {
  await outbox.transaction(async (tx) => {
    const times = await end(tx, row, { state: 'completed', ...found });
    if (row.kind === 'full') await tx.manager.query(CLEAR_BAD, [row.run_id]);
    const { proof, rtoSeconds, rpoSeconds, recipients } = found;
    if (row.identity === null) await tx.manager.query(PROVE, [row.run_id, JSON.stringify(proof)]);
    const data = {
      ...verificationFacts(row),
      startedAt: (times.started_at ?? times.finished_at).toISOString(),
      finishedAt: times.finished_at.toISOString(),
      proof,
      ...(rtoSeconds === undefined ? {} : { rtoSeconds }),
      ...(rpoSeconds === undefined ? {} : { rpoSeconds }),
      ...(recipients ? { recipients } : {}),
    };
    await tx.publish(newEvent('verification.completed', data, { source: SOURCE, subject: row.id, ...traced() }), {
      once: terminalKey(row.id),
    });
  });
}

/**
 * Ends it badly, or as cancelled. A backup that is bad counts as proven no more, and a new full one is asked for, in the same
 * transaction as `verification.failed`.
 */
export async function finishNotVerified(
  tx: Transaction,
  row: VerificationRow,
  error: HozenError,
  verdict: Verdict,
): Promise<void> {
  const facts: ErrorFacts = { code: error.code, message: error.message, hint: error.hint };
  const state = error.code === 'CANCELLED' ? 'cancelled' : 'failed';
  const times = await end(tx, row, { state, verdict, error: facts });
  if (verdict === 'bad') await tx.manager.query(MARK_BAD, [row.run_id]);
  const about = { source: SOURCE, subject: row.id, ...traced() };
  const data = { ...verificationFacts(row), finishedAt: times.finished_at.toISOString(), verdict, error: facts };
  await tx.publish(newEvent('verification.failed', data, about), { once: terminalKey(row.id) });
  if (verdict === 'bad') await askForAnother(tx, row);
}

async function askForAnother(tx: Transaction, row: VerificationRow): Promise<void> {
  const [config] = await tx.manager.query<{ level: string }[]>(
    'SELECT backup_level AS level FROM backup_configs WHERE config_name = $1',
    [row.config_name],
  );
  if (!config) return;
  const request = {
    config: row.config_name,
    // A log cannot be made again: what it held is gone from the server. The next full backup begins after it.
    ...(config.level === 'transaction_log' ? {} : { level: 'full' as const }),
    trigger: 'automatic' as const,
    overrideWindow: true,
    reason: `The backup of run ${row.run_id} is bad: verification ${row.id}.`,
    requestedBy: SOURCE,
  };
  await tx.publish(newEvent('backup.requested', request, { source: SOURCE, subject: row.id, ...traced() }), {
    once: `bad:${row.run_id}`,
  });
}

async function end(
  tx: Transaction,
  row: VerificationRow,
  how: End,
): Promise<{ started_at: Date | null; finished_at: Date }> {
  const [rows] = await tx.manager.query<[{ started_at: Date | null; finished_at: Date }[], number]>(END, [
    row.id,
    row.epoch,
    how.state,
    how.proof ? JSON.stringify(how.proof) : null,
    how.rtoSeconds ?? null,
    how.rpoSeconds ?? null,
    how.verdict ?? null,
    how.error ? JSON.stringify(how.error) : null,
    row.state,
    how.recipients ? JSON.stringify(how.recipients) : null,
  ]);
  if (!rows[0]) throw lostLease();
  return rows[0];
}
