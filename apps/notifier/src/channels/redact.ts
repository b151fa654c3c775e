import { oneLine } from '../rendering/one-line.js';

const LONGEST_ERROR = 500;

/** A provider's words for the ledger: one line, without any of the secrets that were used to send. */
export function redacted(text: string, secrets: readonly (string | undefined)[]): string {
  const hidden = secrets.reduce<string>(
    (rest, secret) => (secret === undefined || secret === '' ? rest : rest.replaceAll(secret, '(hidden)')),
    text,
  );
  return oneLine(hidden, LONGEST_ERROR);
}
