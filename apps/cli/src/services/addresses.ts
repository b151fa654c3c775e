import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { HozenError } from '@hozen/contracts';
import type { Context } from '../context.js';

export const SERVICES = ['backup-worker', 'scheduler', 'maintenance-worker', 'notifier'] as const;
export type Service = (typeof SERVICES)[number];

/** The variable that names a service's address where `hozen up` did not start it. */
export const ADDRESS_VARIABLES: Readonly<Record<Service | 'nats', string>> = {
  'backup-worker': 'HOZEN_BACKUP_URL',
  scheduler: 'HOZEN_SCHEDULER_URL',
  'maintenance-worker': 'HOZEN_MAINTENANCE_URL',
  notifier: 'HOZEN_NOTIFIER_URL',
  nats: 'HOZEN_NATS_URL',
};

/**
 * The URL of a service or of NATS: from its variable, else from the file that it wrote into `run/` when it started.
 * @throws HozenError SERVICE_UNREACHABLE
 */
export async function addressOfService(context: Context, service: Service | 'nats'): Promise<string> {
  const given = context.env[ADDRESS_VARIABLES[service]];
  if (given) return given.replace(/\/$/, '');
  const file = runFile(context.home, service);
  const url = await readFile(file, 'utf8').then(
    (text) => (JSON.parse(text) as { url?: unknown }).url,
    () => undefined,
  );
  if (typeof url !== 'string') throw unreachable(service, `${service} (${file})`);
  return url.replace(/\/$/, '');
}

export function runFile(home: string, service: Service | 'nats'): string {
  return join(home, 'run', `${service}.json`);
}

export function unreachable(service: Service | 'nats', url: string, cause?: unknown): HozenError {
  return new HozenError('SERVICE_UNREACHABLE', { url, variable: ADDRESS_VARIABLES[service] }, { cause });
}
