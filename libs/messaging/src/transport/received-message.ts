import { createHash } from 'node:crypto';
import {
  readEvent,
  type EventOf,
  type EventType,
  type MessageFacts,
  type Validated,
  refusalText,
} from '@hozen/contracts';
import type { JsMsg } from '@nats-io/jetstream';
import { Match } from '@nats-io/transport-node';
import { isStorable, storableText } from '../outbox/storable.js';

/** A message as it was read: the event, or everything that is wrong with it. */
export interface ReceivedMessage {
  type: EventType;
  /** The event's id, also where the event could not be read. */
  id: string;
  body: string;
  traceparent: string | undefined;
  reading: Validated<EventOf<EventType>>;
}

const LONGEST_ID = 300;
const TRACEPARENT = /^(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}/;

/** Reads a message off the wire. Never throws. */
export function receive(type: EventType, message: JsMsg): ReceivedMessage {
  const body = message.string();
  const facts = factsOf(message);
  const reading = refuseUnstorable(readEvent(type, body, facts));
  if (!reading.ok) {
    return { type, id: idInside(body) ?? facts.id, body, traceparent: facts.traceparent, reading };
  }
  const { traceparent: _unchecked, ...event } = reading.value;
  const traceparent = validTraceparent(reading.value.traceparent) ?? facts.traceparent;
  const value = traceparent === undefined ? event : { ...event, traceparent };
  return { type, id: event.id, body, traceparent, reading: { ok: true, value } };
}

/** What stands in for the envelope where a publisher sent bare data; the same at every delivery of the message. */
function factsOf(message: JsMsg): MessageFacts {
  const id = message.headers?.get('Nats-Msg-Id', Match.IgnoreCase) ?? '';
  return {
    id: id !== '' && id.length <= LONGEST_ID ? id : derivedId(message),
    time: message.timestamp,
    source: 'nats',
    traceparent: validTraceparent(message.headers?.get('traceparent', Match.IgnoreCase)),
  };
}

/** The server's time is part of it: a stream that was made anew counts from 1 again. */
function derivedId(message: JsMsg): string {
  const place = `${message.info.stream}\n${message.seq}\n${message.timestampNanos}`;
  const hex = createHash('sha256').update(place).digest('hex');
  // A UUID of version 8 (RFC 9562): ours to define.
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}

function validTraceparent(text: string | undefined): string | undefined {
  return text !== undefined && TRACEPARENT.test(text) ? text : undefined;
}

/** An envelope that is wrong elsewhere still says which event it is; answering it twice would be wrong. */
function idInside(body: string): string | undefined {
  try {
    const parsed = JSON.parse(body) as { specversion?: unknown; id?: unknown } | null;
    const id = parsed?.specversion === undefined ? undefined : parsed.id;
    return typeof id === 'string' && id !== '' && id.length <= LONGEST_ID ? storableText(id) : undefined;
  } catch {
    return undefined;
  }
}

/** Such a message would fail at every try to write anything of it. */
function refuseUnstorable(reading: Validated<EventOf<EventType>>): Validated<EventOf<EventType>> {
  if (!reading.ok || isStorable(reading.value)) return reading;
  return {
    ok: false,
    reasons: [{ field: '', message: refusalText('no-nul') }],
  };
}
