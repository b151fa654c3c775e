import type { EventOf } from '@hozen/contracts';
import type { Severity } from '../rendering/notice.js';

/** Events that people are told of, and how grave each is. */
export const TOLD_EVENTS = {
  'backup.completed': 'info',
  'backup.failed': 'critical',
  'backup.rejected': 'warning',
  'backup.gap_found': 'critical',
  'restore.awaiting_approval': 'warning',
  'restore.approved': 'info',
  'restore.completed': 'info',
  'restore.failed': 'critical',
  'restore.performance_deviates': 'warning',
  'restore.performance_normal': 'info',
  'restore.performance_watched': 'info',
  'verification.completed': 'info',
  'verification.failed': 'critical',
  'storage.usage_high': 'warning',
  'storage.usage_normal': 'info',
  'maintenance.completed': 'info',
  'maintenance.failed': 'critical',
} as const satisfies Partial<Record<string, Severity>>;

export type ToldEvent = keyof typeof TOLD_EVENTS;
export const TOLD_EVENT_TYPES = Object.keys(TOLD_EVENTS) as ToldEvent[];

/** What is kept of an event so that it can be told in any language: type and data. */
export type Told = { [T in ToldEvent]: { type: T; data: EventOf<T>['data'] } }[ToldEvent] | TestNotice;

/** Not an event of the bus: a person asked for it, to see whether notices arrive. */
export interface TestNotice {
  type: 'notification.test';
  data: { recipient: string };
}
