import { resolveSecret } from '@hozen/access';
import type { TargetSpec } from '@hozen/contracts';
import type { SslMode } from '../address.js';
import type { ServerKind } from './flavour.js';

/** Where a MariaDB or MySQL server is and who we are there. Holds the secret itself: never log it, never store it. */
export interface MariadbAddress {
  /** Name of the target, for messages. */
  target: string;
  /** Host name, IP address, or the absolute path of a socket. */
  host: string;
  port: number;
  user: string;
  password?: string;
  sslMode: SslMode;
  /** File with the CA certificates, for `verify-ca` and `verify-full`. */
  sslRootCert?: string;
}

/** Where a server has answered, and which it is. */
export interface AnsweringMariadb extends MariadbAddress {
  server: ServerKind;
}

/** The address of a target, its secret reference resolved. @throws HozenError SECRET_UNAVAILABLE */
export async function mariadbAddressOf(target: TargetSpec): Promise<MariadbAddress> {
  const password = target.password === undefined ? undefined : await resolveSecret(target.password);
  const { name, host, port, user, sslMode, sslRootCert } = target;
  return {
    target: name,
    host,
    port,
    user,
    sslMode,
    ...(password === undefined ? {} : { password }),
    ...(sslRootCert === undefined ? {} : { sslRootCert }),
  };
}

export function isSocket({ host }: Pick<MariadbAddress, 'host'>): boolean {
  return host.startsWith('/');
}
