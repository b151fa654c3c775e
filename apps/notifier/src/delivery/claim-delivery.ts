import type { EntityManager } from 'typeorm';
import type { Language } from '@hozen/contracts';
import type { Told } from '../intake/told-events.js';
import type { Channel } from './channel.js';

/** A delivery that is ours until its lease ends. */
export interface ClaimedDelivery {
  id: string;
  eventId: string;
  channel: Channel;
  recipient: string;
  language: Language;
  address: string;
  attempts: number;
  rateLimited: number;
  /** An earlier try may have arrived. */
  uncertain: boolean;
  /** Fence: a later owner has a higher one. */
  epoch: string;
  told: Told;
  traceId: string | null;
  traceparent: string | null;
}

/** What the ledger says of a notice that may have arrived twice. */
export const SENT_AGAIN = 'outcome unknown, sent again';

/**
 * Takes the delivery that is due for longest. `sending` is written before anything is sent: a process that dies in
 * between leaves a row that says so, and the next owner sends again, knowing that the first may have arrived.
 * The other channel's rows are not looked at, so that a slow channel holds up only itself.
 */
const CLAIM = `
  with due as (
    select id, state from deliveries
     where channel = $1
       and ((state = 'planned' and next_at <= now()) or (state = 'sending' and lease_until <= now()))
     order by next_at
     limit 1
       for update skip locked)
  update deliveries d
     set state = 'sending',
         attempts = d.attempts + 1,
         lease_until = clock_timestamp() + make_interval(secs => $2),
         epoch = nextval('fence_epoch'),
         uncertain = d.uncertain or due.state = 'sending',
         error = case when due.state = 'sending' then '${SENT_AGAIN}' else d.error end
    from due, notification n
   where d.id = due.id and n.id = d.notification_id
  returning d.id, d.event_id as "eventId", d.channel, d.recipient, d.language, d.address, d.attempts,
            d.rate_limited as "rateLimited", d.uncertain, d.epoch,
            json_build_object('type', n.event_type, 'data', n.facts) as told,
            n.trace_id as "traceId", n.traceparent`;

export async function claimDelivery(
  manager: EntityManager,
  channel: Channel,
  leaseSeconds: number,
): Promise<ClaimedDelivery | undefined> {
  const [rows] = (await manager.query(CLAIM, [channel, leaseSeconds])) as [ClaimedDelivery[], number];
  return rows[0];
}
