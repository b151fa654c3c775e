import 'reflect-metadata';
import { logger } from '@hozen/telemetry';
import type { ClientBase } from 'pg';
import { DataSource, type EntitySchema, type MigrationInterface } from 'typeorm';
import { parseDatabaseUrl } from './database-url.js';
import type { ServiceName } from './services.js';
import { sslOptions } from './ssl-options.js';
import { TypeOrmLog } from './typeorm-log.js';

export interface DataSourceSettings {
  /** Of the service's own role, best without password. */
  url: string;
  password?: string | undefined;
  service: ServiceName;
  /** Classes, never globs: under ESM globs find nothing and say nothing. */
  entities: (EntitySchema | (new () => object))[];
  /** `SHARED_TABLES` first. */
  migrations: (new () => MigrationInterface)[];
  /** Connections; default 10. At least 2. */
  poolSize?: number;
}

/** The table in which each service's schema remembers its migrations. */
export const MIGRATIONS_TABLE = 'migrations';

const log = logger('persistence');

/**
 * A data source on the service's schema, not yet connected. Plain SQL may use bare table names: `search_path` is the
 * service's schema alone. Time limits are set for every session; what may take longer sets its own.
 */
export function createDataSource(settings: DataSourceSettings): DataSource {
  const { address, password } = parseDatabaseUrl(settings.url);
  return new DataSource({
    type: 'postgres',
    host: address.host,
    port: address.port,
    username: address.user,
    password: settings.password ?? password,
    database: address.database,
    ssl: sslOptions(address),
    schema: settings.service,
    entities: settings.entities,
    migrations: settings.migrations,
    migrationsTableName: MIGRATIONS_TABLE,
    logger: new TypeOrmLog(),
    installExtensions: false,
    uuidExtension: 'pgcrypto',
    poolSize: Math.max(2, settings.poolSize ?? 10),
    applicationName: `hozen/${settings.service}`,
    connectTimeoutMS: 10_000,
    poolErrorHandler: logLostConnection,
    extra: {
      options: sessionSettings(settings.service),
      keepAlive: true,
      // While a connection is lent out the pool does not listen to it; an 'error' event without a listener, as after
      // an administrator's terminate, would end the process.
      onConnect: (client: ClientBase) => {
        client.on('error', logLostConnection);
      },
    },
  });
}

function sessionSettings(schema: string): string {
  const settings = {
    search_path: schema,
    statement_timeout: '30s',
    lock_timeout: '10s',
    idle_in_transaction_session_timeout: '60s',
    // What is answered as committed must survive a crash of the server, whatever its configuration says.
    synchronous_commit: 'on',
    TimeZone: 'UTC',
  };
  return Object.entries(settings)
    .map(([name, value]) => `-c ${name}=${value}`)
    .join(' ');
}

function logLostConnection(error: Error): void {
  log.warn({ error: error.message }, 'a connection to the database was lost; the pool opens a new one when needed');
}
