import { setTimeout as delay } from 'node:timers/promises';
import { HozenError } from '@hozen/contracts';
import { createDataSource, databaseCode, isDatabaseAway, migrate } from '@hozen/persistence';
import { logger } from '@hozen/telemetry';
import type { DataSource } from 'typeorm';
import type { Releases } from './releases.js';
import type { ServiceDefinition } from './service-definition.js';
import type { ServiceSettings } from './settings/service-settings.js';

const log = logger('service');

const WAIT_MS = 60_000;
const RETRY_MS = 500;

const LOGIN_REFUSED = /^(28000|28P01|3D000)$/;

/**
 * Connects and migrates. A database that is just starting is waited for, a minute at most.
 * @throws HozenError SETTINGS_INVALID (login refused), SERVICE_UNREACHABLE, SCHEMA_NEWER
 */
export async function connectDatabase(
  definition: ServiceDefinition,
  settings: ServiceSettings,
  releases: Releases,
): Promise<DataSource> {
  const { service, entities, migrations, poolSize } = definition;
  const dataSource = createDataSource({
    url: settings.databaseUrl,
    password: settings.databasePassword,
    service,
    entities,
    migrations,
    ...(poolSize === undefined ? {} : { poolSize }),
  });
  releases.push('the database', async () => {
    if (dataSource.isInitialized) await dataSource.destroy();
  });
  await migrateWhenThere(dataSource);
  return dataSource;
}

async function migrateWhenThere(dataSource: DataSource): Promise<void> {
  const giveUpAt = performance.now() + WAIT_MS;
  for (let attempt = 1; ; attempt++) {
    try {
      await migrate(dataSource);
      return;
    } catch (error) {
      const code = databaseCode(error);
      if (LOGIN_REFUSED.test(code)) {
        const what = `the database refused the login or does not exist (SQLSTATE ${code}); see HOZEN_DATABASE_URL and HOZEN_DATABASE_PASSWORD`;
        throw new HozenError('SETTINGS_INVALID', { what }, { cause: error });
      }
      if (!isDatabaseAway(error)) throw error;
      if (performance.now() > giveUpAt) {
        const params = { url: 'HOZEN_DATABASE_URL', option: 'database', variable: 'HOZEN_DATABASE_URL' };
        throw new HozenError('SERVICE_UNREACHABLE', params, { detail: (error as Error).message, cause: error });
      }
      if (attempt === 1) log.warn({ code }, 'waiting for the database');
      await delay(RETRY_MS);
    }
  }
}
