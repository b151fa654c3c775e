import { resolveSecret } from '@hozen/access';
import type { TargetSpec } from '@hozen/contracts';

export type SslMode = TargetSpec['sslMode'];

/** Where a PostgreSQL server is and who we are there. Holds the secret itself: never log it, never store it. */
export interface PostgresAddress {
  /** Name of the target, for messages. */
  target: string;
  /** Host name, IP address, or the absolute path of a socket folder. */
  host: string;
  port: number;
  user: string;
  /** Database for connections that do not ask for another one. Any name that PostgreSQL allows. */
  database: string;
  password?: string;
  sslMode: SslMode;
  /** File with the CA certificates, for `verify-ca` and `verify-full`. */
  sslRootCert?: string;
}

/** The address of a target, its secret reference resolved. @throws HozenError SECRET_UNAVAILABLE */
export async function addressOf(target: TargetSpec): Promise<PostgresAddress> {
  const password = target.password === undefined ? undefined : await resolveSecret(target.password);
  return {
    target: target.name,
    host: target.host,
    port: target.port,
    user: target.user,
    database: target.database,
    sslMode: target.sslMode,
    ...(password === undefined ? {} : { password }),
    ...(target.sslRootCert === undefined ? {} : { sslRootCert: target.sslRootCert }),
  };
}
