import { setTimeout as delay } from 'node:timers/promises';
import { logger } from '@hozen/telemetry';
import type { Consumer, ConsumerMessages, JsMsg } from '@nats-io/jetstream';
import type { Broker } from '../broker/broker.js';
import type { MessageHandling } from './message-handling.js';
import type { Settlement } from './settlement.js';

export interface LaneSettings {
  broker: Broker;
  /** The durable consumer; makes sure that it and its stream exist. */
  openConsumer: () => Promise<Consumer>;
  handling: MessageHandling;
  settlement: Settlement;
}

const log = logger('messaging');

/** How long one request for a message stays with the broker. */
const PULL_MS = 10_000;
const REPAIR_DELAYS_MS = [50, 250, 1_000, 2_000, 5_000];

/**
 * One message at a time: asks for it, handles it, settles it. Nothing is fetched ahead, for what waits here runs out of
 * its time and is handled twice. Whatever goes wrong while asking (broker gone, consumer or stream deleted), the lane
 * sets the consumer up again and goes on.
 */
export class Lane {
  readonly #stop = new AbortController();
  /** Aborts when shutdown cannot wait any longer. */
  readonly #giveUp = new AbortController();
  #consumer: Promise<Consumer> | undefined;
  #pull: ConsumerMessages | undefined;
  #inHand: JsMsg | undefined;
  #failures = 0;
  #isReady = false;
  #ended: Promise<void> | undefined;
  #forgetReconnects: () => void = () => undefined;

  constructor(private readonly settings: LaneSettings) {}

  start(): void {
    // The request of before went with the connection, and the consumer may have gone with the broker's store: an old
    // server does not even answer a request to a consumer that it does not know.
    this.#forgetReconnects = this.settings.broker.onReconnect(() => {
      this.#consumer = undefined;
      this.#pull?.stop();
    });
    this.#ended = this.#run();
  }

  /** Whether the last request for a message reached the consumer. */
  get isReady(): boolean {
    return this.#isReady && this.settings.broker.isConnected;
  }

  /** Takes nothing new and lets the message in hand finish; after the deadline it is handed back. */
  async stop(deadlineMs: number): Promise<void> {
    this.#stop.abort();
    this.#forgetReconnects();
    this.#pull?.stop();
    const timer = new AbortController();
    const late = delay(deadlineMs, 'late', { signal: timer.signal }).catch(() => undefined);
    if ((await Promise.race([this.#ended, late])) === 'late') this.#abandon();
    timer.abort();
  }

  async #run(): Promise<void> {
    while (!this.#stop.signal.aborted) {
      try {
        await Promise.race([this.settings.broker.connected(), this.#stopped()]);
        await this.#takeOne(await this.#openConsumer());
        this.#failures = 0;
      } catch (error) {
        this.#consumer = undefined;
        await this.#recover(error as Error);
      }
    }
    this.#isReady = false;
  }

  #openConsumer(): Promise<Consumer> {
    this.#consumer ??= this.settings.broker.answerOf(this.settings.openConsumer());
    return this.#consumer;
  }

  async #takeOne(consumer: Consumer): Promise<void> {
    this.#pull = await consumer.fetch({ max_messages: 1, expires: PULL_MS });
    this.#isReady = true;
    if (this.#stop.signal.aborted) this.#pull.stop();
    for await (const message of this.#pull) await this.#take(message);
  }

  async #take(message: JsMsg): Promise<void> {
    if (this.#stop.signal.aborted) return this.settings.settlement.release(message);
    this.#inHand = message;
    await this.settings.handling.handle(message, this.#giveUp.signal);
    this.#inHand = undefined;
  }

  async #recover(failure: Error): Promise<void> {
    this.#isReady = false;
    if (this.#stop.signal.aborted) return;
    const pause = REPAIR_DELAYS_MS[Math.min(this.#failures, REPAIR_DELAYS_MS.length - 1)];
    this.#failures += 1;
    log.warn({ error: failure.message, pause }, 'a lane lost its consumer; setting it up again');
    await delay(pause, undefined, { signal: this.#stop.signal }).catch(() => undefined);
  }

  #abandon(): void {
    log.warn({ subject: this.#inHand?.subject }, 'a handler did not finish in time; its message is handed back');
    this.#giveUp.abort(new Error('the service is stopping'));
    if (this.#inHand) this.settings.settlement.release(this.#inHand);
  }

  #stopped(): Promise<void> {
    const { signal } = this.#stop;
    return new Promise((resolve) => {
      if (signal.aborted) resolve();
      signal.addEventListener('abort', () => resolve(), { once: true });
    });
  }
}
