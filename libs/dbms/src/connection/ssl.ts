import { readFile } from 'node:fs/promises';
import type { ConnectionOptions } from 'node:tls';
import { HozenError } from '@hozen/contracts';
import type { PostgresAddress } from '../address.js';

export type SslOption = false | ConnectionOptions;

/**
 * How to speak TLS for an `sslMode`, in the order to try (libpq's meaning of the words,
 * https://www.postgresql.org/docs/current/libpq-ssl.html). Socket folders never use TLS.
 *
 * @throws HozenError SECRET_UNAVAILABLE when the CA file cannot be read
 */
export async function sslAttempts(address: PostgresAddress): Promise<[SslOption, SslOption?]> {
  if (address.host.startsWith('/')) return [false];
  switch (address.sslMode) {
    case 'disable':
      return [false];
    case 'prefer':
      return [{ rejectUnauthorized: false }, false];
    case 'require':
      return [{ rejectUnauthorized: false }];
    case 'verify-ca':
      // Any name will do as long as the CA vouches for the certificate.
      return [{ ...(await authorities(address)), rejectUnauthorized: true, checkServerIdentity: () => undefined }];
    case 'verify-full':
      return [{ ...(await authorities(address)), rejectUnauthorized: true }];
    default:
      return address.sslMode satisfies never;
  }
}

async function authorities({ sslRootCert }: PostgresAddress): Promise<{ ca?: Buffer }> {
  if (sslRootCert === undefined) return {};
  try {
    return { ca: await readFile(sslRootCert) };
  } catch (cause) {
    throw new HozenError('SECRET_UNAVAILABLE', { reference: `file:${sslRootCert}` }, { cause });
  }
}
