import { refusalText } from '../texts/refusal-texts.js';
import { randomUUID } from 'node:crypto';
import {
  BackupAccepted,
  BackupCompleted,
  BackupDeleted,
  BackupFailed,
  BackupGapFound,
  BackupRejected,
  BackupRequested,
  BackupStarted,
} from './backup.js';
import type { Envelope, MessageFacts } from './envelope.js';
import {
  MaintenanceAccepted,
  MaintenanceCompleted,
  MaintenanceFailed,
  MaintenanceRejected,
  MaintenanceRequested,
  MaintenanceStarted,
} from './maintenance.js';
import {
  RestoreAccepted,
  RestoreApproved,
  RestoreAwaitingApproval,
  RestoreCompleted,
  RestoreFailed,
  RestorePerformanceDeviates,
  RestorePerformanceNormal,
  RestorePerformanceWatched,
  RestoreRejected,
  RestoreRequested,
  RestoreStarted,
} from './restore.js';
import { StorageUsageHigh, StorageUsageNormal } from './storage.js';
import {
  VerificationAccepted,
  VerificationCompleted,
  VerificationFailed,
  VerificationRejected,
  VerificationRequested,
  VerificationStarted,
} from './verification.js';
import type { Reason } from '../errors/reason.js';
import { validate, type Validated, isRecord } from './validation.js';

/** Every event of the system: its type is its NATS subject. A breaking change is a new version beside the old one. */
export const EVENTS = {
  'backup.requested': { contract: BackupRequested, version: 1, terminal: false, rejectedAs: 'backup.rejected' },
  'backup.accepted': { contract: BackupAccepted, version: 1, terminal: false },
  'backup.rejected': { contract: BackupRejected, version: 1, terminal: true },
  'backup.started': { contract: BackupStarted, version: 1, terminal: false },
  'backup.completed': { contract: BackupCompleted, version: 1, terminal: true },
  'backup.failed': { contract: BackupFailed, version: 1, terminal: true },
  'backup.gap_found': { contract: BackupGapFound, version: 1, terminal: false },
  'backup.deleted': { contract: BackupDeleted, version: 1, terminal: false },
  'restore.requested': { contract: RestoreRequested, version: 1, terminal: false, rejectedAs: 'restore.rejected' },
  'restore.accepted': { contract: RestoreAccepted, version: 1, terminal: false },
  'restore.rejected': { contract: RestoreRejected, version: 1, terminal: true },
  'restore.awaiting_approval': { contract: RestoreAwaitingApproval, version: 1, terminal: false },
  'restore.approved': { contract: RestoreApproved, version: 1, terminal: false },
  'restore.started': { contract: RestoreStarted, version: 1, terminal: false },
  'restore.completed': { contract: RestoreCompleted, version: 1, terminal: true },
  'restore.failed': { contract: RestoreFailed, version: 1, terminal: true },
  'restore.performance_deviates': { contract: RestorePerformanceDeviates, version: 1, terminal: false },
  'restore.performance_normal': { contract: RestorePerformanceNormal, version: 1, terminal: false },
  'restore.performance_watched': { contract: RestorePerformanceWatched, version: 1, terminal: false },
  'verification.requested': {
    contract: VerificationRequested,
    version: 1,
    terminal: false,
    rejectedAs: 'verification.rejected',
  },
  'verification.accepted': { contract: VerificationAccepted, version: 1, terminal: false },
  'verification.rejected': { contract: VerificationRejected, version: 1, terminal: true },
  'verification.started': { contract: VerificationStarted, version: 1, terminal: false },
  'verification.completed': { contract: VerificationCompleted, version: 1, terminal: true },
  'verification.failed': { contract: VerificationFailed, version: 1, terminal: true },
  'storage.usage_high': { contract: StorageUsageHigh, version: 1, terminal: false },
  'storage.usage_normal': { contract: StorageUsageNormal, version: 1, terminal: false },
  'maintenance.requested': {
    contract: MaintenanceRequested,
    version: 1,
    terminal: false,
    rejectedAs: 'maintenance.rejected',
  },
  'maintenance.accepted': { contract: MaintenanceAccepted, version: 1, terminal: false },
  'maintenance.rejected': { contract: MaintenanceRejected, version: 1, terminal: true },
  'maintenance.started': { contract: MaintenanceStarted, version: 1, terminal: false },
  'maintenance.completed': { contract: MaintenanceCompleted, version: 1, terminal: true },
  'maintenance.failed': { contract: MaintenanceFailed, version: 1, terminal: true },
} as const satisfies Record<string, EventDefinition>;

export interface EventDefinition {
  contract: new () => object;
  version: number;
  /** Exactly one terminal event ends each request. */
  terminal: boolean;
  /** For requests: the event that answers one which cannot be accepted. */
  rejectedAs?: string;
}

export type EventType = keyof typeof EVENTS;
export const EVENT_TYPES = Object.keys(EVENTS) as EventType[];

/** The data class of an event type. */
export type DataOf<T extends EventType> = InstanceType<(typeof EVENTS)[T]['contract']>;

/** A validated event of a known type, as handlers get it. */
export type EventOf<T extends EventType> = Envelope<DataOf<T>> & { type: T };

export function isEventType(type: string): type is EventType {
  return Object.hasOwn(EVENTS, type);
}

/** The event definition without the literal types, for code that handles all events alike. */
export function definitionOf(type: EventType): EventDefinition {
  return EVENTS[type];
}

export function dataSchemaOf(type: EventType): string {
  return `hozen:${type}:v${EVENTS[type].version}`;
}

/** A new event of ours, ready for the outbox. `id` may be given where it must be the same at every try. */
export function newEvent<T extends EventType>(
  type: T,
  data: DataOf<T>,
  about: { source: string; subject?: string; id?: string; traceparent?: string },
): EventOf<T> {
  return {
    specversion: '1.0',
    id: about.id ?? randomUUID(),
    source: about.source,
    type,
    ...(about.subject === undefined ? {} : { subject: about.subject }),
    time: new Date().toISOString(),
    datacontenttype: 'application/json',
    dataschema: dataSchemaOf(type),
    ...(about.traceparent === undefined ? {} : { traceparent: about.traceparent }),
    data,
  };
}

/**
 * Reads an event off the wire: structured CloudEvents, or bare data whose missing attributes come from the message.
 * Never throws; everything that is wrong comes back as reasons.
 */
export function readEvent<T extends EventType>(type: T, body: string, facts: MessageFacts): Validated<EventOf<T>> {
  try {
    return readBody(type, body, facts);
  } catch (error) {
    // The parser takes any depth; what walks through the value has a stack.
    if (!(error instanceof RangeError)) throw error;
    return { ok: false, reasons: [{ field: '', message: refusalText('too-deep') }] };
  }
}

function readBody<T extends EventType>(type: T, body: string, facts: MessageFacts): Validated<EventOf<T>> {
  let parsed: unknown;
  try {
    parsed = JSON.parse(body);
  } catch (error) {
    return {
      ok: false,
      reasons: [{ field: '', message: refusalText('must-be-json', { why: (error as Error).message }) }],
    };
  }
  const wrapped = isRecord(parsed) && 'specversion' in parsed ? parsed : undefined;
  const envelopeReasons = wrapped ? envelopeFaults(type, wrapped) : [];
  const data = validate(EVENTS[type].contract as new () => DataOf<T>, wrapped ? wrapped['data'] : parsed);
  const reasons = [...envelopeReasons, ...(data.ok ? [] : data.reasons)];
  if (!data.ok || reasons.length > 0) return { ok: false, reasons };
  const own = (name: string, otherwise: string) => {
    const value = wrapped?.[name];
    return typeof value === 'string' ? value : otherwise;
  };
  const traceparent = wrapped?.['traceparent'] ?? facts.traceparent;
  return {
    ok: true,
    value: {
      ...newEvent(type, data.value, { source: own('source', facts.source), id: own('id', facts.id) }),
      ...(typeof wrapped?.['subject'] === 'string' ? { subject: wrapped['subject'] } : {}),
      ...(typeof traceparent === 'string' ? { traceparent } : {}),
      time: own('time', facts.time),
    },
  };
}

const ENVELOPE_TEXT_FIELDS = ['id', 'source', 'time', 'type'] as const;
const LONGEST_ATTRIBUTE = 300;

function envelopeFaults(type: EventType, wrapped: Record<string, unknown>): Reason[] {
  const reasons: Reason[] = [];
  if (wrapped['specversion'] !== '1.0') reasons.push({ field: 'specversion', message: 'must be "1.0"' });
  for (const field of ENVELOPE_TEXT_FIELDS) {
    const value = wrapped[field];
    if (value === undefined && field !== 'id') continue;
    if (typeof value !== 'string' || value === '' || value.length > LONGEST_ATTRIBUTE) {
      reasons.push({ field, message: refusalText('text-length', { most: LONGEST_ATTRIBUTE }) });
    }
  }
  if (typeof wrapped['type'] === 'string' && wrapped['type'] !== type) {
    reasons.push({ field: 'type', message: refusalText('type-is-subject', { type }) });
  }
  const time = wrapped['time'];
  if (typeof time === 'string' && Number.isNaN(Date.parse(time))) {
    reasons.push({ field: 'time', message: refusalText('rfc3339') });
  }
  const schema = wrapped['dataschema'];
  if (schema !== undefined && schema !== dataSchemaOf(type)) {
    reasons.push({ field: 'dataschema', message: refusalText('one-schema', { schema: dataSchemaOf(type) }) });
  }
  return reasons;
}
