import { createHash } from 'node:crypto';
import {
  definitionOf,
  newEvent,
  requireValid,
  validate,
  type EventOf,
  type ScheduleSpec,
  type Validated,
} from '@hozen/contracts';
import { currentTraceparent } from '@hozen/telemetry';

export type RequestEvent = EventOf<ScheduleSpec['event']>;
type RequestData = RequestEvent['data'];

export interface Asked {
  trigger: 'automatic' | 'manual';
  requestedBy: string;
  reason?: string;
}

const LONGEST_REQUESTED_BY = 200;

/** Who asks when a schedule fires. */
export function scheduleAsks(name: string): string {
  return `schedule:${name}`.slice(0, LONGEST_REQUESTED_BY);
}

/** Checks a schedule's request, completed as it will be when it fires, against the event's contract. */
export function checkRequest(schedule: Pick<ScheduleSpec, 'name' | 'event' | 'request'>): Validated<RequestData> {
  const asked: Asked = { trigger: 'automatic', requestedBy: scheduleAsks(schedule.name) };
  return validate(contractOf(schedule), completed(schedule, asked));
}

/** @throws HozenError REQUEST_INVALID when the event's contract has changed since the schedule was applied */
export function requestEvent(
  schedule: Pick<ScheduleSpec, 'event' | 'request'>,
  id: string,
  asked: Asked,
): RequestEvent {
  const traceparent = currentTraceparent();
  return newEvent(schedule.event, requireValid(contractOf(schedule), completed(schedule, asked)), {
    source: 'hozen/scheduler',
    id,
    ...(traceparent === undefined ? {} : { traceparent }),
  });
}

function completed({ event, request }: Pick<ScheduleSpec, 'event' | 'request'>, asked: Asked): object {
  return {
    ...request,
    ...(event === 'backup.requested' ? { trigger: asked.trigger } : {}),
    ...(asked.reason === undefined ? {} : { reason: asked.reason }),
    requestedBy: asked.requestedBy,
  };
}

function contractOf({ event }: Pick<ScheduleSpec, 'event'>): new () => RequestData {
  return definitionOf(event).contract;
}

/**
 * The id of the event of one slot: the same whoever computes it and how often, so that a slot decided again after a
 * loss is recognised as the same request. A UUID of version 8 (RFC 9562 §5.8) made of a SHA-256.
 */
export function slotEventId(scheduleId: string, slot: Date): string {
  const digest = createHash('sha256').update(`hozen schedule ${scheduleId} ${slot.toISOString()}`).digest();
  digest.writeUInt8((digest.readUInt8(6) & 0x0f) | 0x80, 6);
  digest.writeUInt8((digest.readUInt8(8) & 0x3f) | 0x80, 8);
  return digest.toString('hex', 0, 16).replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}
