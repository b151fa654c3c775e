import { currentTraceparent, logger, traceIdOf } from '@hozen/telemetry';
import type { EntityManager } from 'typeorm';
import { noticesWithoutDestination } from '../delivery/metrics.js';
import { renderNotice, severityOf } from '../rendering/render-notice.js';
import type { NotifierSettings } from '../settings/notifier-settings.js';
import { NotificationRule } from '../tables/notification-rule.js';
import { Recipient } from '../tables/recipient.js';
import { route, type Planned } from './route.js';
import type { Told } from './told-events.js';

const log = logger('intake');

/** What there is to tell, with the attributes of the event that told us. */
export interface Happening {
  told: Told;
  eventId: string;
  time: string;
  traceparent: string | undefined;
}

/**
 * Writes the notification of an event and its planned deliveries. An event that was told before plans nothing: its id
 * is unique, beside the inbox, because the ledger is kept longer than the inbox.
 */
export async function planNotice(
  manager: EntityManager,
  happening: Happening,
  settings: NotifierSettings,
  to?: readonly Planned[],
): Promise<void> {
  const notificationId = await insertNotification(manager, happening);
  if (notificationId === undefined) return;
  const planned = to ?? (await destinations(manager, happening.told.type, settings));
  for (const each of planned) await insertDelivery(manager, notificationId, happening.eventId, each);
  if (planned.length === 0) warnNobody(happening);
}

/** The rules' destinations; as long as there are none, the default recipient's. */
async function destinations(manager: EntityManager, eventType: string, settings: NotifierSettings): Promise<Planned[]> {
  const rules = await manager.find(NotificationRule, { order: { position: 'ASC' } });
  if (rules.length > 0) return route(eventType, rules, await manager.find(Recipient));
  const { defaultEmail: address, defaultLanguage: language } = settings;
  return address === undefined ? [] : [{ channel: 'email', recipient: 'default', language, address }];
}

async function insertNotification(
  manager: EntityManager,
  { told, eventId, time, traceparent }: Happening,
): Promise<string | undefined> {
  const parent = currentTraceparent() ?? traceparent;
  const traceId = traceIdOf(parent);
  const { subject } = renderNotice({ told, eventId, traceId }, 'en', 'UTC');
  const rows = (await manager.query(
    `insert into notification
       (event_id, event_type, severity, subject, run_id, trace_id, traceparent, facts, occurred_at)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
     on conflict (event_id) do nothing
     returning id`,
    [
      eventId,
      told.type,
      severityOf(told),
      subject,
      'runId' in told.data ? told.data.runId : null,
      traceId ?? null,
      parent ?? null,
      JSON.stringify(told.data),
      time,
    ],
  )) as { id: string }[];
  return rows[0]?.id;
}

async function insertDelivery(
  manager: EntityManager,
  notificationId: string,
  eventId: string,
  { channel, recipient, language, address }: Planned,
): Promise<void> {
  await manager.query(
    `insert into deliveries (notification_id, event_id, channel, recipient, language, address)
     values ($1, $2, $3, $4, $5, $6)
     on conflict on constraint uq_deliveries_once do nothing`,
    [notificationId, eventId, channel, recipient, language, address],
  );
}

function warnNobody({ told, eventId }: Happening): void {
  noticesWithoutDestination.add(1, { event: told.type });
  log.warn({ event: told.type, event_id: eventId }, 'nobody is told of this event: no rule and no default recipient');
}
