import type { Broker, Inbox, JetStreamServerSettings, Outbox } from '@hozen/messaging';
import type { DataSourceSettings, ServiceName } from '@hozen/persistence';
import type { DynamicModule, Type } from '@nestjs/common';
import type { NestExpressApplication } from '@nestjs/platform-express';
import type { DataSource } from 'typeorm';
import type { SettingsReader } from './settings/settings-reader.js';

export interface ServiceDefinition {
  /** Name of the schema, and the owner's name in durable consumers and events. */
  service: ServiceName;
  /** Name of the app: `backup-worker`. */
  name: string;
  /** The app's module: its controllers have the `@OnEvent` handlers and the HTTP API. */
  module: Type | DynamicModule;
  entities: DataSourceSettings['entities'];
  /** `SHARED_TABLES` first. */
  migrations: DataSourceSettings['migrations'];
  /** Connections to the service's database; default 10. */
  poolSize?: number;
  /** Of the transport, where the defaults do not fit. */
  messaging?: Partial<Omit<JetStreamServerSettings, 'broker' | 'inbox' | 'service'>>;
  /** Reads the app's own settings; faults are reported together with the common ones. */
  readSettings?: (read: SettingsReader) => void | Promise<void>;
  /** Default: the environment of the process. */
  env?: NodeJS.ProcessEnv;
  /** Whether signals and uncaught errors end the process; default true. Off where several services share one. */
  ownsProcess?: boolean;
}

/** A service that is up. */
export interface RunningService extends AsyncDisposable {
  url: string;
  app: NestExpressApplication;
  dataSource: DataSource;
  broker: Broker;
  outbox: Outbox;
  inbox: Inbox;
  /** Stops consuming, lets the work in hand finish, sends what is in the outbox, closes. Safe to call again. */
  stop(): Promise<void>;
}
