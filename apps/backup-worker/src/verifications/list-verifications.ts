import { HozenError, type VerificationView } from '@hozen/contracts';
import type { Outbox } from '@hozen/messaging';
import { traceIdOf } from '@hozen/telemetry';
import type { DataSource } from 'typeorm';
import { finishNotVerified } from './finish-verification.js';
import type { VerificationRow } from './verification-row.js';

const LIST = `
  SELECT * FROM verifications
   WHERE ($1::text IS NULL OR config_name = $1) AND ($2::text IS NULL OR target_name = $2)
   ORDER BY queued_at DESC, id DESC LIMIT $3`;
const FIND = 'SELECT * FROM verifications WHERE id::text = $1 OR request_id = $1 ORDER BY (id::text = $1) DESC LIMIT 1';
const SHOWN = 100;

/** The latest ones, newest first: of a config or a target, or all. */
export async function listVerifications(
  database: DataSource,
  of: { config?: string | undefined; target?: string | undefined } = {},
): Promise<VerificationView[]> {
  const rows = await database.query<VerificationRow[]>(LIST, [of.config ?? null, of.target ?? null, SHOWN]);
  return rows.map(viewOf);
}

/** By its own id or that of its request. @throws HozenError NOT_FOUND */
export async function findVerification(database: DataSource, id: string): Promise<VerificationView> {
  const rows = id.includes('\0') ? [] : await database.query<VerificationRow[]>(FIND, [id]);
  if (!rows[0]) throw new HozenError('NOT_FOUND', { what: 'verification', id, list: 'verifications' });
  return viewOf(rows[0]);
}

const ASK_TO_CANCEL = `
  UPDATE verifications SET cancel_requested_at = coalesce(cancel_requested_at, clock_timestamp())
   WHERE id = $1 AND state IN ('queued', 'running')
  RETURNING *`;

/** A running one sees it at its next renewal; one that waits ends here. What has ended is left as it is. */
export async function cancelVerification(outbox: Outbox, id: string): Promise<void> {
  await outbox.transaction(async (tx) => {
    const [rows] = await tx.manager.query<[VerificationRow[], number]>(ASK_TO_CANCEL, [id]);
    const row = rows[0];
    if (row?.state === 'queued') await finishNotVerified(tx, row, new HozenError('CANCELLED'), 'unknown');
  });
}

function viewOf(row: VerificationRow): VerificationView {
  const traceId = traceIdOf(row.traceparent ?? undefined);
  return {
    id: row.id,
    requestId: row.request_id,
    kind: row.kind,
    ...(row.seed === null ? {} : { seed: row.seed }),
    ...(row.identity === null ? {} : { identity: row.identity }),
    ...(row.recipients ? { recipients: row.recipients } : {}),
    runId: row.run_id,
    config: row.config_name,
    target: row.target_name,
    state: row.state,
    attempt: row.attempt,
    queuedAt: row.queued_at.toISOString(),
    ...(row.requested_by === null ? {} : { requestedBy: row.requested_by }),
    ...(row.reason === null ? {} : { reason: row.reason }),
    ...(row.started_at ? { startedAt: row.started_at.toISOString() } : {}),
    ...(row.finished_at ? { finishedAt: row.finished_at.toISOString() } : {}),
    ...(row.state === 'running' && row.progress ? { progress: row.progress } : {}),
    ...(row.proof ? { proof: row.proof } : {}),
    ...(row.rto_seconds === null ? {} : { rtoSeconds: row.rto_seconds }),
    ...(row.rpo_seconds === null ? {} : { rpoSeconds: row.rpo_seconds }),
    ...(row.verdict === null ? {} : { verdict: row.verdict }),
    ...(row.error ? { error: row.error } : {}),
    ...(traceId === undefined ? {} : { traceId }),
  };
}
