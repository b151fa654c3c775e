import { type Envelope } from '@hozen/contracts';
import { currentTraceparent, inSpan, SpanKind } from '@hozen/telemetry';
import type { PubAck } from '@nats-io/jetstream';
import { headers } from '@nats-io/transport-node';
import type { Broker } from '../broker/broker.js';

const ACK_TIMEOUT_MS = 5_000;

export interface SendOptions {
  subject: string;
  /** The broker drops a second message with this id for two minutes. */
  messageId: string;
  /** `traceparent` under which the event was decided. */
  parent: string | undefined;
}

/** Publishes an envelope in a send span and waits until the broker has stored it. The envelope carries the send span on. */
export function send(broker: Broker, envelope: Envelope, options: SendOptions): Promise<PubAck> {
  const attributes = {
    'messaging.system': 'nats',
    'messaging.operation.name': 'send',
    'messaging.operation.type': 'send',
    'messaging.destination.name': options.subject,
    'messaging.message.id': envelope.id,
    ...(envelope.subject === undefined ? {} : { 'messaging.message.conversation_id': envelope.subject }),
  };
  const kind = SpanKind.PRODUCER;
  return inSpan(`send ${options.subject}`, { kind, attributes, parent: options.parent }, async (span) => {
    const traceparent = currentTraceparent() ?? options.parent;
    const header = headers();
    if (traceparent !== undefined) header.set('traceparent', traceparent);
    const body = JSON.stringify(traceparent === undefined ? envelope : { ...envelope, traceparent });
    const stored = broker.js.publish(options.subject, body, {
      msgID: options.messageId,
      headers: header,
      timeout: ACK_TIMEOUT_MS,
    });
    const ack = await broker.answerOf(stored);
    span.setAttributes({ 'messaging.nats.stream': ack.stream, 'messaging.nats.sequence': ack.seq });
    return ack;
  });
}
