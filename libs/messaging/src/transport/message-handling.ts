import { setTimeout as delay } from 'node:timers/promises';
import { refusalText, type EventOf, type EventType } from '@hozen/contracts';
import { currentTraceparent, histogram, inSpan, SpanKind, withLogFields, type Span } from '@hozen/telemetry';
import type { JsMsg } from '@nats-io/jetstream';
import type { MessageHandler } from '@nestjs/microservices';
import { SpanStatusCode } from '@opentelemetry/api';
import { isObservable, lastValueFrom } from 'rxjs';
import type { Inbox } from '../inbox.js';
import { Heartbeat } from './heartbeat.js';
import { JetStreamContext } from './jetstream-context.js';
import { outcomeOf, type Outcome } from './outcome.js';
import { receive, type ReceivedMessage } from './received-message.js';
import type { Settlement } from './settlement.js';

export interface HandlingSettings {
  inbox: Inbox;
  settlement: Settlement;
  durable: string;
  ackWaitMs: number;
  handlerLimitMs: number;
  maxDeliveries: number;
}

const handlingSeconds = histogram('hozen_message_handling', 'Time from delivery to settlement', 's');
const waitSeconds = histogram('hozen_message_wait', 'Time from publishing to delivery', 's');

const OUTAGE_POLL_MS = 500;

/** One message from delivery to settlement, in one consumer span. Never throws. */
export class MessageHandling {
  constructor(
    private readonly type: EventType,
    private readonly handler: MessageHandler,
    private readonly settings: HandlingSettings,
  ) {}

  async handle(message: JsMsg, signal: AbortSignal): Promise<void> {
    using heartbeat = new Heartbeat(message, this.settings.ackWaitMs, this.settings.handlerLimitMs);
    heartbeat.start();
    const startedAt = performance.now();
    waitSeconds.record(Math.max(0, Date.now() - message.time.getTime()) / 1000, { event: this.type });
    const received = receive(this.type, message);
    const options = {
      kind: SpanKind.CONSUMER,
      parent: received.traceparent,
      attributes: this.#attributes(message, received),
    };
    await withLogFields({ event: this.type, event_id: received.id }, () =>
      inSpan(`process ${this.type}`, options, async (span) => {
        const outcome = await this.#run(message, received, signal);
        record(span, outcome);
        await this.settings.settlement.settle(message, received, outcome, span);
      }),
    );
    handlingSeconds.record((performance.now() - startedAt) / 1000, { event: this.type });
  }

  async #run(message: JsMsg, received: ReceivedMessage, signal: AbortSignal): Promise<Outcome> {
    const deliveries = message.info.deliveryCount;
    if (!received.reading.ok) return { kind: 'bury', reasons: received.reading.reasons };
    if (deliveries > this.settings.maxDeliveries) return unanswered(deliveries);
    try {
      await this.#callHandler(continuing(received.reading.value), new JetStreamContext([message, signal]));
      return { kind: 'done' };
    } catch (error) {
      await this.#waitOutOutage(signal);
      return outcomeOf(error, deliveries, this.settings.maxDeliveries);
    }
  }

  /** A Nest handler resolves to an observable that does its work, and fails, only when it is subscribed to. */
  async #callHandler(event: EventOf<EventType>, context: JetStreamContext): Promise<void> {
    const result: unknown = await this.handler(event, context);
    if (isObservable(result)) await lastValueFrom(result, { defaultValue: undefined });
  }

  /** While our database is down, or takes no writes, every message would fail; the lane keeps this one, so that it costs no delivery. */
  async #waitOutOutage(signal: AbortSignal): Promise<void> {
    while (!signal.aborted && !(await this.settings.inbox.isWritable())) {
      await delay(OUTAGE_POLL_MS, undefined, { signal }).catch(() => undefined);
    }
  }

  #attributes(message: JsMsg, received: ReceivedMessage) {
    return {
      'messaging.system': 'nats',
      'messaging.operation.name': 'process',
      'messaging.operation.type': 'process',
      'messaging.destination.name': message.subject,
      'messaging.message.id': received.id,
      'messaging.message.body.size': message.data.length,
      'messaging.consumer.group.name': this.settings.durable,
      'messaging.nats.stream': message.info.stream,
      'messaging.nats.sequence': message.seq,
      'messaging.nats.delivery_count': message.info.deliveryCount,
      'messaging.nats.redelivered': message.redelivered,
    };
  }
}

/** What the handler stores as the event's `traceparent` continues this very span: a bare request gets its trace here. */
function continuing(event: EventOf<EventType>): EventOf<EventType> {
  const traceparent = currentTraceparent();
  return traceparent === undefined ? event : { ...event, traceparent };
}

/** Every delivery so far ended without an answer: the handler kills or hangs its process. */
function unanswered(deliveries: number): Outcome {
  return {
    kind: 'bury',
    reasons: [{ field: '', message: refusalText('never-finished', { deliveries }) }],
  };
}

function record(span: Span, outcome: Outcome): void {
  span.setAttribute('hozen.outcome', outcome.kind);
  if (outcome.kind === 'done') return;
  const message = outcome.error?.message ?? 'the message is not valid';
  if (outcome.error) span.recordException(outcome.error);
  span.setStatus({ code: SpanStatusCode.ERROR, message });
}
