import { randomUUID } from 'node:crypto';
import { jetstream, jetstreamManager, type JetStreamClient } from '@nats-io/jetstream';
import { connect, headers, type NatsConnection } from '@nats-io/transport-node';
import type { Envelope, EventType } from '@hozen/contracts';
import { eventually } from '@hozen/testkit';

/** An independent observer on the bus: remembers every event that was ever published, whatever becomes of the broker. */
export class EventLog implements AsyncDisposable {
  private readonly seen = new Map<string, { subject: string; body: string }>();
  private readonly awaited = new Map<string, () => void>();

  private constructor(
    private readonly connection: NatsConnection,
    private readonly client: JetStreamClient,
  ) {}

  static async follow(url: string): Promise<EventLog> {
    const connection = await connect({ servers: url, maxReconnectAttempts: -1, reconnectTimeWait: 100 });
    const log = new EventLog(connection, jetstream(connection));
    // Core subscriptions: they see what is published, not what a stream has kept.
    for (const subject of ['backup.>', 'restore.>', 'verification.>', 'storage.>', 'maintenance.>', 'deadletter.>']) {
      connection.subscribe(subject, {
        callback: (_error, message) => {
          const id = message.headers?.get('Nats-Msg-Id') || randomUUID();
          log.seen.set(`${message.subject} ${id}`, { subject: message.subject, body: message.string() });
          log.#tell(message.subject, message.string());
        },
      });
    }
    await connection.flush();
    return log;
  }

  /** Publishes as a foreign client would; waits until the stream exists. @returns the message id */
  async publish(
    subject: string,
    body: string,
    id: string = randomUUID(),
    extra: Record<string, string> = {},
  ): Promise<string> {
    const own = headers();
    for (const [name, value] of Object.entries(extra)) own.set(name, value);
    await eventually(async () => this.client.publish(subject, body, { msgID: id, headers: own }), { within: 20_000 });
    return id;
  }

  /** Distinct events of a type, by id. */
  of<T extends object = Record<string, unknown>>(type: EventType): Envelope<T>[] {
    return [...this.seen.values()]
      .filter((each) => each.subject === type)
      .map((each) => JSON.parse(each.body) as Envelope<T>);
  }

  /** Terminal events that answer a request; a promise is broken when there is not exactly one. */
  terminalOf(requestId: string): Envelope<{ requestId: string }>[] {
    const types: EventType[] = [
      'backup.completed',
      'backup.failed',
      'backup.rejected',
      'maintenance.completed',
      'maintenance.failed',
      'maintenance.rejected',
    ];
    return types
      .flatMap((type) => this.of<{ requestId: string }>(type))
      .filter((event) => event.data.requestId === requestId);
  }

  async waitFor<T extends object>(type: EventType, requestId: string, within = 90_000): Promise<Envelope<T>> {
    return eventually(
      async () => {
        const found = this.of<T & { requestId: string }>(type).find((event) => event.data.requestId === requestId);
        if (!found)
          throw new Error(
            `no ${type} for ${requestId}; seen: ${[...this.seen.values()].map((e) => e.subject).join(', ')}`,
          );
        return found;
      },
      { within },
    );
  }

  /**
   * The next event of a type that answers a request. Nobody is asked for it, which would disturb what is measured.
   * To be called before the request is published.
   */
  async next(type: EventType, requestId: string): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.awaited.set(`${type} ${requestId}`, resolve);
    await promise;
  }

  #tell(subject: string, body: string): void {
    if (this.awaited.size === 0) return;
    const { data } = JSON.parse(body) as Partial<Envelope<{ requestId?: string }>>;
    const key = `${subject} ${data?.requestId}`;
    this.awaited.get(key)?.();
    this.awaited.delete(key);
  }

  /** Messages of a subject that a stream holds now. */
  async stored(stream: string, subject: string): Promise<number> {
    const manager = await jetstreamManager(this.connection);
    const info = await manager.streams.info(stream, { subjects_filter: subject });
    return info.state.subjects?.[subject] ?? 0;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.connection.close();
  }
}
