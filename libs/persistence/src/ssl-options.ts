import { readFileSync } from 'node:fs';
import type { DatabaseAddress } from './database-url.js';

export interface SslOptions {
  ca?: string;
  rejectUnauthorized: boolean;
  checkServerIdentity?: () => undefined;
}

/** libpq's `sslmode` in the words of Node's TLS. */
export function sslOptions(address: DatabaseAddress): false | SslOptions {
  if (address.sslMode === 'disable') return false;
  return {
    ...(address.sslRootCert === undefined ? {} : { ca: readFileSync(address.sslRootCert, 'utf8') }),
    rejectUnauthorized: address.sslMode !== 'require',
    ...(address.sslMode === 'verify-ca' ? { checkServerIdentity: () => undefined } : {}),
  };
}
