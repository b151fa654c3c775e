import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { NotificationRule } from '../tables/notification-rule.js';
import type { Recipient } from '../tables/recipient.js';
import { route } from './route.js';
import { TOLD_EVENT_TYPES } from './told-events.js';

const dba: Recipient = {
  name: 'dba',
  language: 'ja',
  email: 'dba@example.org',
  slackChannel: '#dba',
  slackWebhook: null,
};
const rule = (change: Partial<NotificationRule> = {}): NotificationRule => {
  return { position: 0, events: [], recipients: ['dba'], channels: null, ...change };
};
const told = (event: string, ...rules: NotificationRule[]) => route(event, rules, [dba]).map(({ channel }) => channel);

describe('a rule', () => {
  it.each(TOLD_EVENT_TYPES)('without events tells of %s', (event) => {
    expect(told(event, rule())).toEqual(['email', 'slack']);
  });

  it('with events tells of those alone', () => {
    const some = rule({ events: ['backup.failed'] });
    expect(told('backup.failed', some)).toEqual(['email', 'slack']);
    expect(told('verification.failed', some)).toEqual([]);
  });

  it('tells once a channel, however many rules name it', () => {
    expect(told('backup.failed', rule({ channels: ['email'] }), rule({ position: 1 }))).toEqual(['email', 'slack']);
  });
});

it('the guide lists what people can be told of', () => {
  const guide = readFileSync(new URL('../../../../docs/guide.md', import.meta.url), 'utf8');
  for (const event of TOLD_EVENT_TYPES) expect(guide).toContain(`\`${event}\``);
});
