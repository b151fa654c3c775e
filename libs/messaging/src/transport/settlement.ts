import { counter, logger, type Span } from '@hozen/telemetry';
import type { JsMsg } from '@nats-io/jetstream';
import type { Broker } from '../broker/broker.js';
import type { Inbox } from '../inbox.js';
import type { Outcome } from './outcome.js';
import type { ReceivedMessage } from './received-message.js';
import { retryDelay } from './retry-delay.js';

const log = logger('messaging');
const settled = counter('hozen_messages', 'Messages settled, by event and outcome');

/** The one place that acknowledges, hands back or buries a message. */
export class Settlement {
  constructor(
    private readonly broker: Broker,
    private readonly inbox: Inbox,
    private readonly retryDelaysMs: readonly number[],
  ) {}

  async settle(message: JsMsg, received: ReceivedMessage, outcome: Outcome, span: Span): Promise<void> {
    switch (outcome.kind) {
      case 'done':
        return this.#acknowledge(message, received);
      case 'retry':
        return this.#handBack(message, received, outcome.error, span);
      case 'bury':
        return this.#bury(message, received, outcome, span);
    }
  }

  /** Hands a message back that was not touched, to be delivered elsewhere at once. */
  release(message: JsMsg): void {
    message.nak(0);
  }

  /** A lost acknowledgement brings the message back; the inbox knows it then. */
  async #acknowledge(message: JsMsg, received: ReceivedMessage): Promise<void> {
    settled.add(1, { event: received.type, outcome: 'done' });
    try {
      await this.broker.answerOf(message.ackAck());
    } catch (error) {
      log.info(
        { event: received.type, id: received.id, error: (error as Error).message },
        'an acknowledgement was not confirmed',
      );
    }
  }

  #handBack(message: JsMsg, received: ReceivedMessage, error: Error, span: Span): void {
    const deliveries = message.info.deliveryCount;
    const delayMs = retryDelay(deliveries, this.retryDelaysMs);
    span.addEvent('retry', { 'messaging.nats.delivery_count': deliveries, 'hozen.retry.delay_ms': delayMs });
    log.warn(
      { event: received.type, id: received.id, deliveries, delayMs, error: error.message },
      'handling failed; it is tried again',
    );
    settled.add(1, { event: received.type, outcome: 'retry' });
    message.nak(delayMs);
  }

  /** First the dead letter, durable with its answer; only then may the broker forget the message. */
  async #bury(
    message: JsMsg,
    received: ReceivedMessage,
    outcome: Outcome & { kind: 'bury' },
    span: Span,
  ): Promise<void> {
    const { reasons } = outcome;
    try {
      await this.inbox.bury({
        type: received.type,
        messageId: received.id,
        body: received.body,
        headers: headersOf(message),
        reasons,
        deliveries: message.info.deliveryCount,
      });
    } catch (error) {
      return this.#handBack(message, received, error as Error, span);
    }
    span.addEvent('dead letter', {
      'hozen.reasons': reasons.map((reason) => `${reason.field} ${reason.message}`.trim()),
    });
    log.warn(
      { event: received.type, id: received.id, reasons },
      'the message is refused; it is kept in the dead letters',
    );
    settled.add(1, { event: received.type, outcome: 'dead letter' });
    // Without a reason: nats-server before 2.11 does not understand one and would deliver the message again.
    message.term();
  }
}

function headersOf(message: JsMsg): Record<string, string[]> {
  const headers: Record<string, string[]> = {};
  for (const [name, values] of message.headers ?? [])
    headers[name] = values.map((value) => value.replaceAll('\0', '\uFFFD'));
  return headers;
}
