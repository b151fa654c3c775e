import { randomUUID } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { HozenError, type EventOf } from '@hozen/contracts';
import { Inbox, Outbox } from '@hozen/messaging';
import { DeliveryLanes } from '../delivery/delivery-lanes.js';
import { NotifierSettings } from '../settings/notifier-settings.js';
import { Recipient } from '../tables/recipient.js';
import { planNotice } from './plan-notice.js';
import { destinationsOf } from './route.js';
import type { Told, ToldEvent } from './told-events.js';

/** Plans notices, and wakes the lanes that deliver them. */
@Injectable()
export class Notices {
  constructor(
    private readonly inbox: Inbox,
    private readonly outbox: Outbox,
    private readonly lanes: DeliveryLanes,
    private readonly settings: NotifierSettings,
  ) {}

  /** Tells of an event, once. A log that was taken as it should be, every few minutes, is nothing to tell of. */
  async tell<T extends ToldEvent>(event: EventOf<T>): Promise<void> {
    const { id: eventId, time, traceparent } = event;
    const told = { type: event.type, data: event.data } as Told;
    if (told.type === 'backup.completed' && told.data.level === 'transaction_log') return;
    await this.inbox.handle(event, (tx) => planNotice(tx.manager, { told, eventId, time, traceparent }, this.settings));
    this.lanes.wake();
  }

  /**
   * Sends a test notice to a recipient on every channel it has.
   * @returns the id by which its deliveries are found
   * @throws HozenError NOT_FOUND
   */
  async test(name: string): Promise<string> {
    const eventId = randomUUID();
    const told: Told = { type: 'notification.test', data: { recipient: name } };
    await this.outbox.transaction(async (tx) => {
      const recipient = (await tx.manager.findOneBy(Recipient, { name })) ?? this.defaultRecipient(name);
      if (!recipient) throw new HozenError('NOT_FOUND', { what: 'recipient', id: name, list: 'apply -f backups.yaml' });
      const happening = { told, eventId, time: new Date().toISOString(), traceparent: undefined };
      await planNotice(tx.manager, happening, this.settings, destinationsOf(recipient));
    });
    this.lanes.wake();
    return eventId;
  }

  private defaultRecipient(name: string): Recipient | undefined {
    const { defaultEmail: email, defaultLanguage: language } = this.settings;
    if (name !== 'default' || email === undefined) return undefined;
    return { name, language, email, slackChannel: null, slackWebhook: null };
  }
}
