import type { Envelope, EventOf, EventType, Reason } from '@hozen/contracts';
import { currentTraceparent, traceIdOf } from '@hozen/telemetry';
import type { EntityManager } from 'typeorm';
import { writeDeadLetter, type EnvelopeWriter } from './dead-letter.js';
import { INSERT_EVENT } from './sql.js';
import { storableJson } from './storable.js';

/** A database transaction in which state changes and the events that tell of them are written together. */
export interface Transaction {
  /** Everything in the transaction goes through this manager. */
  readonly manager: EntityManager;
  /**
   * Writes an event into the outbox; it is published after the commit. With `once`, a second event with the same key is
   * quietly not written (`terminal:<runId>`).
   */
  publish<T extends EventType>(event: EventOf<T>, options?: { once?: string }): Promise<void>;
  /** Refuses a request that was read but cannot be carried out: `*.rejected` with the reasons, and a dead letter. */
  reject<T extends EventType>(event: EventOf<T>, reasons: Reason[]): Promise<void>;
}

/** @internal The outbox's own view of a transaction. */
export class OutboxTransaction implements Transaction, EnvelopeWriter {
  /** Whether there is something for the relay to do after the commit. */
  published = false;

  constructor(
    readonly manager: EntityManager,
    readonly service: string,
  ) {}

  async publish<T extends EventType>(event: EventOf<T>, options: { once?: string } = {}): Promise<void> {
    await this.put(event.type, event, options.once);
  }

  async reject<T extends EventType>(event: EventOf<T>, reasons: Reason[]): Promise<void> {
    await writeDeadLetter(this, {
      type: event.type,
      messageId: event.id,
      body: JSON.stringify(event),
      headers: {},
      reasons,
      deliveries: 1,
    });
  }

  /** Writes any envelope; events of the registry go through {@link publish}. */
  async put(subject: string, envelope: Envelope, once: string | undefined): Promise<void> {
    const traceparent = continued(envelope.traceparent, currentTraceparent());
    await this.manager.query(INSERT_EVENT, [envelope.id, subject, storableJson(envelope), traceparent, once]);
    this.published = true;
  }
}

/** The span under which the event was decided; one the event names itself counts where it leads to another trace. */
function continued(own: string | undefined, current: string | undefined): string | undefined {
  return own !== undefined && traceIdOf(own) !== traceIdOf(current) ? own : current;
}
