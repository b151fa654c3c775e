import { newEvent, type EventOf, type EventType } from '@hozen/contracts';
import { createDataSource, migrate, SHARED_TABLES, type ServiceName } from '@hozen/persistence';
import { Controller, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { DataSource } from 'typeorm';
import {
  connectBroker,
  Inbox,
  JetStreamServer,
  OnEvent,
  Outbox,
  type Broker,
  type JetStreamContext,
  type JetStreamServerSettings,
  type OutboxSettings,
  type Transaction,
} from '../index.js';

export type Handler = (
  event: EventOf<'backup.requested'>,
  context: JetStreamContext,
  service: ServiceUnderTest,
) => Promise<void>;

export interface UnderTestSettings {
  natsUrl: string;
  databaseUrl: string;
  /** For `backup.requested`; without it the service only publishes. */
  handler?: Handler;
  service?: ServiceName;
  server?: Partial<JetStreamServerSettings>;
  outbox?: Partial<OutboxSettings>;
}

/** A service in this process: all of messaging on a real broker and a real database, with a handler of the test's. */
export class ServiceUnderTest implements AsyncDisposable {
  private constructor(
    readonly broker: Broker,
    readonly dataSource: DataSource,
    readonly outbox: Outbox,
    readonly inbox: Inbox,
    readonly server: JetStreamServer,
  ) {}

  static async start(settings: UnderTestSettings): Promise<ServiceUnderTest> {
    const { natsUrl, databaseUrl, handler, service = 'backup' } = settings;
    const broker = await connectBroker({ url: natsUrl, name: 'spec' });
    const dataSource = createDataSource({ url: databaseUrl, service, entities: [], migrations: [...SHARED_TABLES] });
    await migrate(dataSource);
    await dataSource.query(
      'create table if not exists effects (event_id text, at timestamptz default clock_timestamp())',
    );
    const outbox = new Outbox({ pollMs: 200, ...settings.outbox, dataSource, broker, service });
    const inbox = new Inbox(dataSource, outbox);
    const server = new JetStreamServer({
      retryDelaysMs: [20, 50],
      ackWaitMs: 2_000,
      drainMs: 3_000,
      ...settings.server,
      broker,
      service,
      inbox,
    });
    const under = new ServiceUnderTest(broker, dataSource, outbox, inbox, server);
    if (handler) await under.#listen(handler);
    outbox.start();
    return under;
  }

  /** Writes the effect of an event, once. */
  effect(event: EventOf<EventType>, more?: (tx: Transaction) => Promise<void>): Promise<void> {
    return this.inbox.handle(event, async (tx) => {
      await tx.manager.query('insert into effects (event_id) values ($1)', [event.id]);
      await more?.(tx);
    });
  }

  async effectsOf(event: { id: string }): Promise<number> {
    const [row] = (await this.dataSource.query('select count(*)::int as n from effects where event_id = $1', [
      event.id,
    ])) as { n: number }[];
    return row?.n ?? 0;
  }

  /** Every message of a stream, oldest first: subject and id of the event in it. */
  async messagesIn(stream: string): Promise<{ subject: string; id: string; sequence: number }[]> {
    await this.broker.connected();
    const { state } = await this.broker.jsm.streams.info(stream);
    const messages = [];
    for (let sequence = state.first_seq; sequence <= state.last_seq; sequence++) {
      const message = await this.broker.jsm.streams.getMessage(stream, { seq: sequence });
      if (message) messages.push({ subject: message.subject, id: idIn(message.string()), sequence });
    }
    return messages;
  }

  #closed: Promise<void> | undefined;
  #closeApp: () => Promise<void> = () => this.server.close();

  stop(): Promise<void> {
    this.#closed ??= this.#stop();
    return this.#closed;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  async #stop(): Promise<void> {
    await this.#closeApp();
    await this.outbox.stop();
    await this.broker.close();
    await this.dataSource.destroy();
  }

  async #listen(handler: Handler): Promise<void> {
    const app = await NestFactory.createMicroservice(moduleWith(handler, this), {
      strategy: this.server,
      logger: false,
      abortOnError: false,
    });
    await app.listen();
    this.#closeApp = () => app.close();
  }
}

export function backupRequested(config = 'nightly'): EventOf<'backup.requested'> {
  return newEvent('backup.requested', { config }, { source: 'spec' });
}

function moduleWith(handler: Handler, service: ServiceUnderTest): new () => object {
  @Controller()
  class Handlers {
    @OnEvent('backup.requested')
    onRequest(event: EventOf<'backup.requested'>, context: JetStreamContext): Promise<void> {
      return handler(event, context, service);
    }
  }

  @Module({ controllers: [Handlers] })
  class HandlersModule {}
  return HandlersModule;
}

function idIn(body: string): string {
  try {
    return (JSON.parse(body) as { id?: string }).id ?? '';
  } catch {
    return '';
  }
}
