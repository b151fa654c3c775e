import { createHash } from 'node:crypto';

/**
 * Id of the event that asks for a run's safety backup: a name-based UUID (RFC 9562, version 8) of the run's id. Asking
 * again after a crash is the same event, for our outbox, for the broker and for the backup worker's inbox.
 */
export function backupRequestIdOf(runId: string): string {
  const hash = createHash('sha256').update(`hozen safety backup of ${runId}`).digest('hex');
  const variant = ((Number.parseInt(hash.charAt(16), 16) & 0x3) | 0x8).toString(16);
  return [
    hash.slice(0, 8),
    hash.slice(8, 12),
    `8${hash.slice(13, 16)}`,
    variant + hash.slice(17, 20),
    hash.slice(20, 32),
  ].join('-');
}
