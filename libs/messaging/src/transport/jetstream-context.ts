import type { JsMsg } from '@nats-io/jetstream';
import { BaseRpcContext } from '@nestjs/microservices';

/** What a handler may know of the delivery, beside the event. Settling the message is not its business. */
export class JetStreamContext extends BaseRpcContext<[JsMsg, AbortSignal]> {
  get subject(): string {
    return this.args[0].subject;
  }

  /** 1 at the first delivery. */
  get deliveryCount(): number {
    return this.args[0].info.deliveryCount;
  }

  get stream(): string {
    return this.args[0].info.stream;
  }

  get sequence(): number {
    return this.args[0].seq;
  }

  /** Aborts when the service cannot wait for the handler any longer. */
  get signal(): AbortSignal {
    return this.args[1];
  }
}
