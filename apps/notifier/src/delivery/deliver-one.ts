import { setTimeout as sleep } from 'node:timers/promises';
import { failpoint, inSpan, logger, SpanKind, withLogFields } from '@hozen/telemetry';
import type { DataSource } from 'typeorm';
import { renderNotice } from '../rendering/render-notice.js';
import type { NotifierSettings } from '../settings/notifier-settings.js';
import type { Channel, Outcome, Sender } from './channel.js';
import { claimDelivery, type ClaimedDelivery } from './claim-delivery.js';
import { conclude, concludeDelivery, holdChannel, type Conclusion } from './conclude-delivery.js';
import { deliveryAttempts } from './metrics.js';

const log = logger('delivery');

/** Of the lease, what sending may take; the rest is for writing down how it ended. */
const SENDING_SHARE = 0.6;

/**
 * Sends the delivery of a channel that is due for longest: claim, send, conclude.
 * @returns false when none is due
 */
export async function deliverOne(
  dataSource: DataSource,
  channel: Channel,
  sender: Sender,
  settings: NotifierSettings,
): Promise<boolean> {
  const leaseEnd = performance.now() + settings.leaseSeconds * 1000;
  const delivery = await claimDelivery(dataSource.manager, channel, settings.leaseSeconds);
  if (!delivery) return false;
  await failpoint('notifier.claimed');
  const about = { delivery_id: delivery.id, event_id: delivery.eventId, channel, recipient: delivery.recipient };
  await withLogFields(about, () =>
    inSpan(
      `notify ${delivery.recipient} by ${channel}`,
      {
        kind: SpanKind.PRODUCER,
        ...(delivery.traceparent === null ? {} : { parent: delivery.traceparent }),
        attributes: { 'hozen.delivery': delivery.id, 'hozen.channel': channel, 'hozen.attempt': delivery.attempts },
      },
      async (span) => {
        const outcome = await send(delivery, sender, settings);
        await failpoint('notifier.sent');
        const conclusion = conclude(delivery, outcome, settings.retrySeconds);
        span.setAttribute('hozen.outcome', outcome.kind);
        await writeDown(dataSource, delivery, conclusion, leaseEnd);
        report(delivery, outcome, conclusion);
      },
    ),
  );
  return true;
}

async function send(delivery: ClaimedDelivery, sender: Sender, settings: NotifierSettings): Promise<Outcome> {
  // Only tries that ended in a crash get here with none left: a notice that kills its sender must not go on for ever.
  if (delivery.attempts - delivery.rateLimited > settings.retrySeconds.length + 1) {
    return { kind: 'refused', error: 'outcome unknown: every try ended without an answer' };
  }
  const occasion = { told: delivery.told, eventId: delivery.eventId, traceId: delivery.traceId ?? undefined };
  const notice = renderNotice(occasion, delivery.language, settings.timeZone);
  const deadline = AbortSignal.timeout(settings.leaseSeconds * 1000 * SENDING_SHARE);
  return sender.send(
    notice,
    {
      deliveryId: delivery.id,
      recipient: delivery.recipient,
      language: delivery.language,
      address: delivery.address,
      attempt: delivery.attempts,
      repeated: delivery.uncertain,
    },
    deadline,
  );
}

/** Tried as long as the delivery is ours: a notice that was sent and not written down would be sent again. */
async function writeDown(
  { manager }: DataSource,
  delivery: ClaimedDelivery,
  conclusion: Conclusion,
  leaseEnd: number,
): Promise<void> {
  for (;;) {
    try {
      const isOurs = await concludeDelivery(manager, delivery, conclusion);
      if (!isOurs) log.warn('another instance has taken over this delivery; it may be sent twice');
      else if (conclusion.rateLimited) await holdChannel(manager, delivery.channel, conclusion.waitSeconds);
      return;
    } catch (error) {
      if (performance.now() > leaseEnd) throw error;
      log.warn({ err: error }, 'the outcome could not be written down yet');
      await sleep(500);
    }
  }
}

function report({ channel }: ClaimedDelivery, outcome: Outcome, { state, error }: Conclusion): void {
  deliveryAttempts.add(1, { channel, result: outcome.kind });
  if (state === 'sent') log.info('sent');
  else if (state === 'planned') log.warn({ reason: error }, 'not sent; it is tried again');
  else log.error({ reason: error }, 'a notice did not reach anybody');
}
