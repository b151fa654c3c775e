import { warningText } from '@hozen/contracts';
import { whyUnconfined } from '@hozen/dbms';
import { logger } from '@hozen/telemetry';

const log = logger('sandbox');

/** Says once, in the log of the worker. */
export async function logUnconfined(): Promise<void> {
  const reason = await whyUnconfined();
  if (reason !== undefined) log.warn({ reason }, 'programs that read backups are not held in a sandbox');
}

/** What a report says of programs that read a backup and were not held in a sandbox. */
export async function unconfinedWarnings(): Promise<string[]> {
  const reason = await whyUnconfined();
  return reason === undefined ? [] : [warningText('sandbox.missing', { reason })];
}
