import type { Language } from '@hozen/contracts';
import type { Channel } from '../delivery/channel.js';
import type { NotificationRule } from '../tables/notification-rule.js';
import type { Recipient } from '../tables/recipient.js';

/** One delivery to be made. */
export interface Planned {
  channel: Channel;
  recipient: string;
  language: Language;
  /** Mail address, Slack channel, or the reference of a webhook. */
  address: string;
}

/** Whom the rules tell of an event: each recipient once a channel, however many rules name it. */
export function route(
  eventType: string,
  rules: readonly NotificationRule[],
  recipients: readonly Recipient[],
): Planned[] {
  const planned = new Map<string, Planned>();
  for (const rule of rules.filter(({ events }) => events.length === 0 || events.includes(eventType))) {
    for (const recipient of recipients.filter(({ name }) => rule.recipients.includes(name))) {
      for (const each of destinationsOf(recipient)) {
        if (!rule.channels || rule.channels.includes(each.channel))
          planned.set(`${each.channel} ${each.recipient}`, each);
      }
    }
  }
  return [...planned.values()];
}

/** Every way to reach a recipient. The bot's channel goes before a webhook: its answer proves the delivery. */
export function destinationsOf({ name, language, email, slackChannel, slackWebhook }: Recipient): Planned[] {
  const slack = slackChannel ?? slackWebhook;
  return [
    ...(email === null ? [] : [{ channel: 'email' as const, recipient: name, language, address: email }]),
    ...(slack === null ? [] : [{ channel: 'slack' as const, recipient: name, language, address: slack }]),
  ];
}
