import type { MariadbClient } from '@hozen/dbms';

export const LOCK_SECONDS = 10;

export interface LoadGuard {
  /** Name of the lock that a session of the restore holds as long as it loads. */
  lock: string;
  /** SQL that counts the databases of this attempt, and how many there must be. */
  counted: string;
  databases: number;
}

/** The beginning of a script: a session that loads ends here if the restore has gone to another worker. */
export function loadGuard(client: MariadbClient, { lock, counted, databases }: LoadGuard): string {
  const locked = `coalesce(get_lock(${client.literal(lock)}, ${LOCK_SECONDS}), 0) <> 1`;
  // Outside of a routine, what cannot be prepared is the one thing that both flavours stop at.
  const stop = 'SELECT `another worker goes on with this restore`';
  return [
    `SET @hozen = if(${locked} OR (${counted}) <> ${databases}, '${stop}', 'DO 0');`,
    'PREPARE hozen FROM @hozen;',
    'DEALLOCATE PREPARE hozen;\n',
  ].join('\n');
}
