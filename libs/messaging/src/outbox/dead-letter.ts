import { randomUUID } from 'node:crypto';
import {
  deadLetterSubject,
  definitionOf,
  newEvent,
  type Envelope,
  type EventType,
  type Reason,
  refusalText,
} from '@hozen/contracts';
import type { EntityManager } from 'typeorm';
import { requestFacts } from './request-facts.js';
import { INSERT_DEAD_LETTER } from './sql.js';
import { storableJson, storableText } from './storable.js';

/** A message that its consumer cannot accept, as it came. */
export interface DeadLetter {
  type: EventType;
  messageId: string;
  body: string;
  headers: Record<string, string[]>;
  reasons: Reason[];
  deliveries: number;
}

/** A transaction of the outbox, as much of it as is needed here. */
export interface EnvelopeWriter {
  readonly manager: EntityManager;
  readonly service: string;
  put(subject: string, envelope: Envelope, once: string | undefined): Promise<void>;
}

/**
 * Characters. What cannot be published would be no answer, so all of them together stay below the broker's largest
 * message (1 MiB) even where JSON writes six bytes for each. The table has the whole body and all headers.
 */
const MOST_REASONS = 50;
const LONGEST_TEXT = 500;
const LONGEST_PUBLISHED_BODY = 50_000;
const LONGEST_PUBLISHED_HEADERS = 20_000;

/**
 * Keeps the message in the table and in the dead-letter stream, and answers a request with its `*.rejected`: all in the
 * caller's transaction, so that there is never one without the others.
 */
export async function writeDeadLetter(tx: EnvelopeWriter, letter: DeadLetter): Promise<void> {
  const reasons = bounded(letter.reasons);
  const body = storableText(letter.body);
  const { type: subject, messageId, headers, deliveries } = letter;
  const row = [randomUUID(), subject, messageId, body, storableJson(headers), storableJson(reasons), deliveries];
  await tx.manager.query(INSERT_DEAD_LETTER, row);
  const published = {
    subject,
    messageId,
    body: body.slice(0, LONGEST_PUBLISHED_BODY),
    headers: JSON.stringify(headers).length > LONGEST_PUBLISHED_HEADERS ? {} : headers,
    reasons,
    deliveries,
  };
  await tx.put(deadLetterSubject(tx.service, subject), envelopeOf(tx.service, messageId, published), undefined);
  await answer(tx, letter, reasons);
}

async function answer(tx: EnvelopeWriter, letter: DeadLetter, reasons: Reason[]): Promise<void> {
  const { rejectedAs } = definitionOf(letter.type);
  if (rejectedAs === undefined) return;
  const type = rejectedAs as EventType;
  const data = { requestId: letter.messageId, ...requestFacts(type, letter.body), reasons };
  const event = newEvent(type, data as never, { source: `hozen/${tx.service}`, subject: letter.messageId });
  await tx.put(type, event, `rejected:${letter.type}:${letter.messageId}`);
}

function envelopeOf(service: string, messageId: string, data: object): Envelope {
  return {
    specversion: '1.0',
    id: randomUUID(),
    source: `hozen/${service}`,
    type: 'deadletter',
    subject: messageId,
    time: new Date().toISOString(),
    datacontenttype: 'application/json',
    dataschema: 'hozen:deadletter:v1',
    data,
  };
}

function bounded(reasons: Reason[]): Reason[] {
  const first = reasons.slice(0, MOST_REASONS).map((reason) => ({
    field: reason.field.slice(0, LONGEST_TEXT),
    ...(reason.value === undefined ? {} : { value: reason.value.slice(0, LONGEST_TEXT) }),
    message: reason.message.slice(0, LONGEST_TEXT),
  }));
  const left = reasons.length - first.length;
  return left > 0 ? [...first, { field: '', message: refusalText('and-more', { count: left }) }] : first;
}
