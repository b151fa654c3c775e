import { Module, type DynamicModule } from '@nestjs/common';
import { Broker, Inbox, JetStreamServer, Outbox } from '@hozen/messaging';
import { DataSource, EntityManager } from 'typeorm';

/** What every module of a service may have injected, by its class. */
export interface SharedProviders {
  dataSource: DataSource;
  broker: Broker;
  outbox: Outbox;
  inbox: Inbox;
  server: JetStreamServer;
}

@Module({})
export class SharedModule {
  static with(shared: SharedProviders): DynamicModule {
    const providers = [
      { provide: DataSource, useValue: shared.dataSource },
      { provide: EntityManager, useValue: shared.dataSource.manager },
      { provide: Broker, useValue: shared.broker },
      { provide: Outbox, useValue: shared.outbox },
      { provide: Inbox, useValue: shared.inbox },
      { provide: JetStreamServer, useValue: shared.server },
    ];
    return { module: SharedModule, global: true, providers, exports: providers.map((each) => each.provide) };
  }
}
