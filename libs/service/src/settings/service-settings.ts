import { resolveSecret, TokenFile } from '@hozen/access';
import { HozenError } from '@hozen/contracts';
import { parseDatabaseUrl } from '@hozen/persistence';
import type { AccessSettings } from '../http/access.js';
import type { ServiceDefinition } from '../service-definition.js';
import { SettingsReader } from './settings-reader.js';

/** What every service needs to know. */
export interface ServiceSettings {
  databaseUrl: string;
  databasePassword: string | undefined;
  natsUrl: string;
  /** Text of a `.creds` file. */
  natsCredentials: string | undefined;
  host: string;
  /** 0: a free one. */
  port: number;
  /** Folder in which the parts of one installation find one another. */
  home: string | undefined;
  access: AccessSettings;
}

const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;

/** Reads them together with the app's own, so that all faults are reported at once. @throws HozenError SETTINGS_INVALID */
export async function readServiceSettings(definition: ServiceDefinition): Promise<ServiceSettings> {
  const read = new SettingsReader(definition.env);
  const settings = await readCommonSettings(read);
  await definition.readSettings?.(read);
  read.finish();
  return settings;
}

async function readCommonSettings(read: SettingsReader): Promise<ServiceSettings> {
  read.oneOf('HOZEN_LOG_LEVEL', LOG_LEVELS, 'info');
  return {
    databaseUrl: databaseUrl(read),
    databasePassword: await secret(read, 'HOZEN_DATABASE_PASSWORD'),
    natsUrl: read.text('HOZEN_NATS_URL'),
    natsCredentials: await secret(read, 'HOZEN_NATS_CREDENTIALS'),
    host: read.text('HOST', '127.0.0.1'),
    port: read.integer('PORT', { min: 0, max: 65_535, fallback: 0 }),
    home: read.optionalText('HOZEN_HOME'),
    access: accessSettings(read),
  };
}

function accessSettings(read: SettingsReader): AccessSettings {
  const file = read.optionalText('HOZEN_TOKENS_FILE');
  return {
    tokens: file === undefined ? undefined : new TokenFile(file),
    starterSha256: read.optionalText('HOZEN_STARTER_TOKEN_SHA256'),
  };
}

function databaseUrl(read: SettingsReader): string {
  const url = read.text('HOZEN_DATABASE_URL');
  try {
    if (url !== '') parseDatabaseUrl(url);
  } catch (error) {
    read.fault('HOZEN_DATABASE_URL', `is wrong: ${(error as Error).message}`);
  }
  return url;
}

async function secret(read: SettingsReader, name: string): Promise<string | undefined> {
  const reference = read.optionalText(name);
  if (reference === undefined) return undefined;
  try {
    return await resolveSecret(reference);
  } catch (error) {
    if (!(error instanceof HozenError)) throw error;
    read.fault(name, `cannot be used: ${error.message}`);
    return undefined;
  }
}
