import { randomUUID } from 'node:crypto';
import { newEvent, type DataOf, type EventOf, type Reason, refusalText } from '@hozen/contracts';
import type { Transaction } from '@hozen/messaging';
import { findSource, isSource } from '../restores/find-source.js';
import { traced } from '../runs/begin-attempt.js';
import { SOURCE } from '../runs/facts.js';
import { draw, newSeed } from './draw.js';

/** The request id is unique: whatever happens to the inbox, a request is one verification. */
const INSERT = `
  INSERT INTO verifications
    (id, request_id, kind, seed, run_id, config_name, target_name, requested_by, reason, traceparent,
     identity)
  VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
  ON CONFLICT (request_id) DO NOTHING
  RETURNING id`;

/** Those that were found to be bad are known already. */
const STANDING = `
  SELECT artefact.run_id AS "runId"
    FROM backup_artefacts AS artefact JOIN backup_runs AS run ON run.id = artefact.run_id
   WHERE ($1::text IS NULL OR run.config_name = $1) AND artefact.bad_since IS NULL
     AND NOT EXISTS (SELECT FROM artefact_deletions AS deletion WHERE deletion.run_id = artefact.run_id)
   ORDER BY artefact.run_id`;

const TARGET_OF = 'SELECT target_name AS name FROM backup_runs WHERE id = $1';

type Request = DataOf<'verification.requested'>;

/**
 * The request becomes a queued verification and `verification.accepted`, or `verification.rejected` with every reason.
 * @returns the reasons
 */
export async function acceptVerification(tx: Transaction, event: EventOf<'verification.requested'>): Promise<Reason[]> {
  const request = event.data;
  const kind = request.kind ?? 'full';
  const seed = kind === 'full' || kind === 'key' || request.run !== undefined ? undefined : (request.seed ?? newSeed());
  const source = await sourceOf(tx, request, seed);
  const reasons = [...(isSource(source) ? [] : [source]), ...wrongIdentity(request)];
  if (!isSource(source) || reasons.length > 0) {
    await tx.reject(event, reasons);
    return reasons;
  }
  const [target] = await tx.manager.query<{ name: string }[]>(TARGET_OF, [source.runId]);
  const { traceparent } = traced();
  const facts = {
    verificationId: randomUUID(),
    requestId: event.id,
    runId: source.runId,
    config: source.config,
    target: target?.name ?? '',
    kind,
    ...(seed === undefined ? {} : { seed }),
  };
  const inserted = await tx.manager.query<unknown[]>(INSERT, [
    facts.verificationId,
    facts.requestId,
    kind,
    seed ?? null,
    facts.runId,
    facts.config,
    facts.target,
    request.requestedBy ?? null,
    request.reason ?? null,
    traceparent ?? null,
    request.identity ?? null,
  ]);
  if (inserted.length === 0) return [];
  const about = { source: SOURCE, subject: facts.verificationId, ...traced() };
  await tx.publish(newEvent('verification.accepted', facts, about));
  return [];
}

function wrongIdentity({ kind, identity }: Request): Reason[] {
  if (kind === 'key')
    return identity === undefined ? [{ field: 'identity', message: refusalText('drill-needs-identity') }] : [];
  return identity === undefined ? [] : [{ field: 'identity', message: refusalText('drill-only') }];
}

async function sourceOf(tx: Transaction, request: Request, seed: number | undefined) {
  if (seed === undefined) return findSource(tx.manager, request);
  const candidates = await tx.manager.query<{ runId: string }[]>(STANDING, [request.config ?? null]);
  const drawn = draw(candidates, seed);
  const nothing: Reason = {
    field: 'config',
    ...(request.config === undefined ? {} : { value: request.config }),
    message: refusalText('nothing-to-draw'),
  };
  return drawn ? findSource(tx.manager, { run: drawn.runId }) : nothing;
}
