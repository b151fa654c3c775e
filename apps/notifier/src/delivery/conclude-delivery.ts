import type { EntityManager } from 'typeorm';
import type { Outcome } from './channel.js';
import { SENT_AGAIN, type ClaimedDelivery } from './claim-delivery.js';

/** What a concluded try leaves in the ledger. */
export interface Conclusion {
  state: 'planned' | 'sent' | 'failed';
  error: string | null;
  providerId: string | null;
  /** Until the next try; only for `planned`. */
  waitSeconds: number;
  rateLimited: boolean;
  uncertain: boolean;
}

/** Decides what an outcome means for the delivery. Tries that a rate limit put off do not use up the tries it has. */
export function conclude(
  delivery: Pick<ClaimedDelivery, 'attempts' | 'rateLimited' | 'uncertain'>,
  outcome: Outcome,
  retrySeconds: readonly number[],
): Conclusion {
  const ended = { providerId: null, waitSeconds: 0, rateLimited: false, uncertain: delivery.uncertain };
  switch (outcome.kind) {
    case 'sent': {
      const error = delivery.uncertain ? SENT_AGAIN : null;
      return { ...ended, state: 'sent', error, providerId: outcome.providerId ?? null };
    }
    case 'refused':
      return { ...ended, state: 'failed', error: outcome.error };
    case 'retry':
    case 'unknown':
    default: {
      const uncertain = delivery.uncertain || outcome.kind === 'unknown';
      const error = outcome.kind === 'unknown' ? `outcome unknown: ${outcome.error}` : outcome.error;
      if (outcome.kind === 'retry' && outcome.rateLimitedSeconds !== undefined) {
        return { ...ended, state: 'planned', error, waitSeconds: outcome.rateLimitedSeconds, rateLimited: true };
      }
      const wait = retrySeconds[delivery.attempts - delivery.rateLimited - 1];
      if (wait === undefined) return { ...ended, state: 'failed', error, uncertain };
      return { ...ended, state: 'planned', error, waitSeconds: wait, uncertain };
    }
  }
}

/** Only the owner with the current epoch writes: one that was paused past its lease must not undo its successor's work. */
const CONCLUDE = `
  update deliveries
     set state = $3,
         lease_until = null,
         next_at = clock_timestamp() + make_interval(secs => $4),
         rate_limited = rate_limited + $5::int,
         uncertain = $6,
         provider_id = $7,
         error = $8,
         sent_at = case when $3 = 'sent' then clock_timestamp() end
   where id = $1 and epoch = $2 and state = 'sending'
  returning id`;

/** @returns false when the delivery belongs to another owner by now */
export async function concludeDelivery(
  manager: EntityManager,
  { id, epoch }: Pick<ClaimedDelivery, 'id' | 'epoch'>,
  { state, waitSeconds, rateLimited, uncertain, providerId, error }: Conclusion,
): Promise<boolean> {
  const [, changed] = (await manager.query(CONCLUDE, [
    id,
    epoch,
    state,
    waitSeconds,
    rateLimited ? 1 : 0,
    uncertain,
    providerId,
    error,
  ])) as [unknown, number];
  return changed > 0;
}

/** A provider that limits us limits the whole workspace: its other notices wait as long. */
export async function holdChannel(manager: EntityManager, channel: string, seconds: number): Promise<void> {
  await manager.query(
    `update deliveries set next_at = greatest(next_at, clock_timestamp() + make_interval(secs => $2))
      where channel = $1 and state = 'planned'`,
    [channel, seconds],
  );
}
