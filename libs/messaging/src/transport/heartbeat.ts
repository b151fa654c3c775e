import type { JsMsg } from '@nats-io/jetstream';

/**
 * Tells the broker that the message is being worked on, so that it is not delivered to anyone else. Ends after
 * `limitMs`: a handler that hangs must not keep its message for ever.
 */
export class Heartbeat implements Disposable {
  #beat: NodeJS.Timeout | undefined;
  #limit: NodeJS.Timeout | undefined;

  constructor(
    private readonly message: JsMsg,
    private readonly ackWaitMs: number,
    private readonly limitMs: number,
  ) {}

  start(): void {
    this.#beat = setInterval(() => this.message.working(), this.ackWaitMs / 3);
    this.#limit = setTimeout(() => clearInterval(this.#beat), this.limitMs);
  }

  [Symbol.dispose](): void {
    clearInterval(this.#beat);
    clearTimeout(this.#limit);
  }
}
