import { isDeepStrictEqual } from 'node:util';
import type {
  ChangeListView,
  ChangeView,
  NotificationConfiguration,
  NotificationRuleSpec,
  RecipientSpec,
} from '@hozen/contracts';
import type { DataSource, EntityManager } from 'typeorm';
import { NotificationRule } from '../tables/notification-rule.js';
import { Recipient } from '../tables/recipient.js';

const FIELDS = ['language', 'email', 'slackChannel', 'slackWebhook'] as const;

/**
 * Creates and updates recipients by name; those not mentioned stay. Rules have no names: a list of rules takes the place
 * of the former one, and an empty list leaves it. A dry run tells the same changes and makes none.
 */
export async function applyNotification(
  dataSource: DataSource,
  { recipients, rules }: NotificationConfiguration,
  options: { dryRun: boolean },
): Promise<ChangeListView> {
  return dataSource.transaction(async (manager) => {
    // One at a time, or two could write the rules into one another.
    await manager.query(`select pg_advisory_xact_lock(hashtextextended('apply notification', 0))`);
    const changes: ChangeView[] = [];
    for (const spec of recipients) changes.push(await applyRecipient(manager, rowOf(spec), options.dryRun));
    if (rules.length > 0) changes.push(await applyRules(manager, rules, options.dryRun));
    return { applied: !options.dryRun, changes };
  });
}

function rowOf({ name, language, email, slackChannel, slackWebhook }: RecipientSpec): Recipient {
  return {
    name,
    language,
    email: email ?? null,
    slackChannel: slackChannel ?? null,
    slackWebhook: slackWebhook ?? null,
  };
}

async function applyRecipient(manager: EntityManager, wanted: Recipient, dryRun: boolean): Promise<ChangeView> {
  const present = await manager.findOneBy(Recipient, { name: wanted.name });
  const fields = FIELDS.filter((field) => (present?.[field] ?? null) !== wanted[field]).map((field) => ({
    field,
    ...(present?.[field] ? { before: present[field] } : {}),
    ...(wanted[field] ? { after: wanted[field] } : {}),
  }));
  const change = present === null ? 'create' : fields.length > 0 ? 'update' : 'unchanged';
  if (!dryRun && change !== 'unchanged') await manager.upsert(Recipient, wanted, ['name']);
  return { kind: 'recipient', name: wanted.name, change, fields };
}

async function applyRules(
  manager: EntityManager,
  wanted: readonly NotificationRuleSpec[],
  dryRun: boolean,
): Promise<ChangeView> {
  const rows = wanted.map(({ events, recipients, channels }, position) => ({
    position,
    events: events ? [...events] : [],
    recipients: [...recipients],
    channels: channels ? [...channels] : null,
  }));
  const found = await manager.find(NotificationRule, { order: { position: 'ASC' } });
  const present = found.map(({ position, events, recipients, channels }) => ({
    position,
    events,
    recipients,
    channels,
  }));
  const isSame = isDeepStrictEqual(present, rows);
  if (!dryRun && !isSame) {
    await manager.clear(NotificationRule);
    await manager.insert(NotificationRule, rows);
  }
  return {
    kind: 'rule',
    name: 'rules',
    change: isSame ? 'unchanged' : present.length > 0 ? 'update' : 'create',
    fields: isSame ? [] : [{ field: 'rules', ...(present.length > 0 ? { before: present } : {}), after: rows }],
  };
}
