import { EVENT_TYPES, isEventType, streamOf, type EventType } from '@hozen/contracts';
import { logger } from '@hozen/telemetry';
import type { Consumer } from '@nats-io/jetstream';
import { Server, type CustomTransportStrategy, type MessageHandler } from '@nestjs/microservices';
import type { Broker } from '../broker/broker.js';
import { durableNameOf, ensureConsumer } from '../broker/consumers.js';
import { ensureStreams } from '../broker/streams.js';
import type { Inbox } from '../inbox.js';
import { Lane } from './lane.js';
import { MessageHandling } from './message-handling.js';
import { RETRY_DELAYS_MS } from './retry-delay.js';
import { Settlement } from './settlement.js';

export interface JetStreamServerSettings {
  broker: Broker;
  /** Prefix of the durable consumers: all processes of a service share them. */
  service: string;
  inbox: Inbox;
  /** Messages of one event type that are handled at the same time in this process; default 2. */
  lanes?: number;
  /** Deliveries after which a message that always fails is buried; default 10. */
  maxDeliveries?: number;
  /** ms to wait after the first, second, … failed delivery. */
  retryDelaysMs?: readonly number[];
  /** ms of silence after which a message is delivered to somebody else; default 30000. */
  ackWaitMs?: number;
  /** ms for which a handler's message is kept from others; default 300000. */
  handlerLimitMs?: number;
  /** ms that shutting down waits for handlers; default 20000. */
  drainMs?: number;
  /** ms between checks of the consumers' positions; default 60000. */
  checkMs?: number;
}

const log = logger('messaging');

/** Nest transport over JetStream: one durable pull consumer for each event type that has a handler. */
export class JetStreamServer extends Server implements CustomTransportStrategy {
  override readonly transportId = Symbol('jetstream');
  /** The failure of a handler is observed here; Nest must not swallow it. */
  override readonly propagatesEventHandlerErrors = true;
  readonly #lanes: Lane[] = [];
  #checks: NodeJS.Timeout | undefined;
  #closed: Promise<void> | undefined;
  #isListening = false;

  constructor(private readonly settings: JetStreamServerSettings) {
    super();
  }

  /** Mistakes in the wiring stop the boot: an unknown event, one without a stream, two handlers for one. */
  override addHandler(pattern: unknown, callback: MessageHandler, isEventHandler = false): void {
    const type = String(pattern);
    if (!isEventType(type))
      throw new Error(`no event is called "${type}"; @OnEvent takes one of: ${EVENT_TYPES.join(', ')}`);
    streamOf(type);
    if (this.messageHandlers.has(type)) {
      throw new Error(`two handlers for "${type}" in service ${this.settings.service}; remove one @OnEvent('${type}')`);
    }
    super.addHandler(type, callback, isEventHandler);
  }

  listen(callback: (error?: unknown) => void): void {
    void this.#listen(callback);
  }

  /** Takes nothing new, lets handlers finish, hands the rest back. The broker's connection stays open. */
  close(): Promise<void> {
    this.#closed ??= this.#drain();
    return this.#closed;
  }

  /** Whether every lane is asking for messages. */
  get isReady(): boolean {
    return this.#isListening && this.#closed === undefined && this.#lanes.every((lane) => lane.isReady);
  }

  /** There are no events of the transport to listen to; the broker's state is {@link Broker}'s. */
  on(): void {
    throw new Error('JetStreamServer has no events; ask the Broker');
  }

  unwrap(): never {
    throw new Error('JetStreamServer hides no server of its own; inject the Broker');
  }

  async #listen(callback: (error?: unknown) => void): Promise<void> {
    try {
      await this.#start();
    } catch (error) {
      callback(error);
      return;
    }
    callback();
  }

  async #start(): Promise<void> {
    const { broker, inbox } = this.settings;
    await ensureStreams(broker);
    const settlement = new Settlement(broker, inbox, this.settings.retryDelaysMs ?? RETRY_DELAYS_MS);
    for (const [type, handler] of this.messageHandlers as Map<EventType, MessageHandler>) {
      await ensureConsumer(broker, this.#consumerOf(type));
      for (let index = 0; index < (this.settings.lanes ?? 2); index++) this.#addLane(type, handler, settlement);
    }
    if (this.#closed) return;
    for (const lane of this.#lanes) lane.start();
    this.#checks = setInterval(() => void this.#checkConsumers(), this.settings.checkMs ?? 60_000);
    this.#isListening = true;
    log.info({ events: [...this.messageHandlers.keys()] }, 'listening');
  }

  #addLane(type: EventType, handler: MessageHandler, settlement: Settlement): void {
    const { inbox, broker } = this.settings;
    const handling = new MessageHandling(type, handler, {
      inbox,
      settlement,
      durable: durableNameOf(this.#consumerOf(type)),
      ackWaitMs: this.#ackWaitMs,
      handlerLimitMs: this.settings.handlerLimitMs ?? 300_000,
      maxDeliveries: this.settings.maxDeliveries ?? 10,
    });
    this.#lanes.push(new Lane({ broker, handling, settlement, openConsumer: () => this.#openConsumer(type) }));
  }

  async #openConsumer(type: EventType): Promise<Consumer> {
    const { broker } = this.settings;
    await ensureStreams(broker);
    await ensureConsumer(broker, this.#consumerOf(type));
    return broker.js.consumers.get(streamOf(type), durableNameOf(this.#consumerOf(type)));
  }

  async #checkConsumers(): Promise<void> {
    try {
      for (const type of this.messageHandlers.keys() as MapIterator<EventType>) {
        await ensureConsumer(this.settings.broker, this.#consumerOf(type));
      }
    } catch (error) {
      if (this.#closed) return;
      log.warn({ error: (error as Error).message }, 'the consumers could not be checked');
    }
  }

  async #drain(): Promise<void> {
    clearInterval(this.#checks);
    await Promise.all(this.#lanes.map((lane) => lane.stop(this.settings.drainMs ?? 20_000)));
    if (this.settings.broker.isConnected) await this.settings.broker.nc.flush().catch(() => undefined);
  }

  #consumerOf(type: EventType) {
    return { service: this.settings.service, subject: type, ackWaitMs: this.#ackWaitMs };
  }

  get #ackWaitMs(): number {
    return this.settings.ackWaitMs ?? 30_000;
  }
}
