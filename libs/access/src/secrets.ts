import { readFile } from 'node:fs/promises';
import { HozenError } from '@hozen/contracts';

/**
 * Reads the secret that a reference names: `env:NAME` or `file:/path` (one trailing newline is cut, as editors add it).
 * The value is for use at once; it is never stored, logged or put into an error.
 * @throws HozenError SECRET_UNAVAILABLE
 */
export async function resolveSecret(reference: string): Promise<string> {
  const [scheme, ...rest] = reference.split(':');
  const name = rest.join(':');
  if (scheme === 'env') {
    const value = process.env[name];
    if (value === undefined) throw new HozenError('SECRET_UNAVAILABLE', { reference });
    return value;
  }
  if (scheme === 'file') {
    try {
      return (await readFile(name, 'utf8')).replace(/\r?\n$/, '');
    } catch (cause) {
      const { code } = cause as NodeJS.ErrnoException;
      throw new HozenError('SECRET_UNAVAILABLE', { reference }, { cause, ...(code ? { detail: code } : {}) });
    }
  }
  throw new HozenError(
    'SECRET_UNAVAILABLE',
    { reference: '(not a reference)' },
    { detail: 'the scheme is not env or file' },
  );
}
