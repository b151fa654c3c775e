import { NotificationConfiguration, validate, type Reason, type Validated, refusalText } from '@hozen/contracts';
import type { Channel } from '../delivery/channel.js';

/** What the check needs of a recipient. */
export type Reachable = {
  name: string;
  email?: string | null;
  slackChannel?: string | null;
  slackWebhook?: string | null;
};

/** Checks a configuration whole: its shape, and that each rule leads to somebody who can be reached. */
export function checkNotification(body: unknown, present: readonly Reachable[]): Validated<NotificationConfiguration> {
  const shaped = validate(NotificationConfiguration, body);
  if (!shaped.ok) return shaped;
  const { recipients, rules } = shaped.value;
  const known = new Map<string, Reachable>([...present, ...recipients].map((each) => [each.name, each]));
  const reasons: Reason[] = [
    ...recipients.flatMap((recipient, index) => recipientFaults(recipient, `recipients.${index}`)),
    ...repeatedNames(recipients),
    ...rules.flatMap(({ recipients: names, channels }, rule) =>
      names.flatMap((name, index) => ruleFaults(known.get(name), name, channels, `rules.${rule}.recipients.${index}`)),
    ),
  ];
  return reasons.length === 0 ? shaped : { ok: false, reasons };
}

function recipientFaults(recipient: Reachable, field: string): Reason[] {
  if (channelsOf(recipient).length > 0) return [];
  return [{ field, value: JSON.stringify(recipient.name), message: refusalText('needs-channel') }];
}

function ruleFaults(
  recipient: Reachable | undefined,
  name: string,
  channels: readonly Channel[] | undefined,
  field: string,
): Reason[] {
  const value = JSON.stringify(name);
  if (!recipient) return [{ field, value, message: refusalText('no-recipient') }];
  const reachable = channelsOf(recipient);
  return (channels ?? [])
    .filter((channel) => !reachable.includes(channel))
    .map((channel) => ({ field, value, message: refusalText('not-reached-by', { channel }) }));
}

function channelsOf({ email, slackChannel, slackWebhook }: Reachable): Channel[] {
  return [...(email ? ['email' as const] : []), ...((slackChannel ?? slackWebhook) ? ['slack' as const] : [])];
}

function repeatedNames(recipients: readonly Reachable[]): Reason[] {
  return recipients.flatMap(({ name }, index) =>
    recipients.findIndex((other) => other.name === name) === index
      ? []
      : [{ field: `recipients.${index}.name`, value: JSON.stringify(name), message: refusalText('used-twice') }],
  );
}
