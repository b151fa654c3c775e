import { HozenError, type ErrorCode } from '@hozen/contracts';
import { targetParams, type AddressFacts } from '../connection/target-error.js';

/** Error names of the server and the driver, and what they mean. */
const CODES: Readonly<Record<string, ErrorCode>> = {
  ER_ACCESS_DENIED_ERROR: 'TARGET_AUTH_FAILED',
  ER_ACCESS_DENIED_NO_PASSWORD_ERROR: 'TARGET_AUTH_FAILED',
  ER_ACCOUNT_HAS_BEEN_LOCKED: 'TARGET_AUTH_FAILED',
  // What MariaDB says of it has another number, for which the driver has MySQL's name.
  ER_BULK_PARSER_INCOMPLETE_ESCAPE_SEQUENCE: 'TARGET_AUTH_FAILED',
  ER_HOST_NOT_PRIVILEGED: 'TARGET_AUTH_FAILED',
  ER_NOT_SUPPORTED_AUTH_MODE: 'TARGET_AUTH_FAILED',
  HANDSHAKE_NO_SSL_SUPPORT: 'TARGET_AUTH_FAILED',
  HANDSHAKE_SSL_ERROR: 'TARGET_AUTH_FAILED',
  ER_DBACCESS_DENIED_ERROR: 'TARGET_RIGHTS_MISSING',
  ER_TABLEACCESS_DENIED_ERROR: 'TARGET_RIGHTS_MISSING',
  ER_SPECIFIC_ACCESS_DENIED_ERROR: 'TARGET_RIGHTS_MISSING',
  ER_CON_COUNT_ERROR: 'TARGET_NOT_READY',
  ER_SERVER_SHUTDOWN: 'TARGET_NOT_READY',
  ER_LOCK_WAIT_TIMEOUT: 'TARGET_LOCKED',
  ER_LOCK_DEADLOCK: 'TARGET_LOCKED',
  ECONNREFUSED: 'TARGET_UNREACHABLE',
  ENOTFOUND: 'TARGET_UNREACHABLE',
  EAI_AGAIN: 'TARGET_UNREACHABLE',
  ETIMEDOUT: 'TARGET_UNREACHABLE',
  EHOSTUNREACH: 'TARGET_UNREACHABLE',
  ENETUNREACH: 'TARGET_UNREACHABLE',
  ENOENT: 'TARGET_UNREACHABLE',
  EACCES: 'TARGET_UNREACHABLE',
  ER_CONNECTION_KILLED: 'TARGET_CONNECTION_LOST',
  PROTOCOL_CONNECTION_LOST: 'TARGET_CONNECTION_LOST',
  ECONNRESET: 'TARGET_CONNECTION_LOST',
  EPIPE: 'TARGET_CONNECTION_LOST',
};

/** What went wrong on a MariaDB server, as a {@link HozenError}. The original stays as the cause. */
export function asMariadbError(thrown: unknown, address: AddressFacts): HozenError {
  if (thrown instanceof HozenError) return thrown;
  const error = thrown instanceof AggregateError && thrown.errors.length > 0 ? (thrown.errors[0] as unknown) : thrown;
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  const message = error instanceof Error ? error.message : String(error);
  const known =
    (isClosed(error) ? 'TARGET_CONNECTION_LOST' : undefined) ??
    CODES[code] ??
    (/^(ERR_TLS|ERR_SSL|CERT_|UNABLE_TO_|SELF_SIGNED)/.test(code) ? 'TARGET_AUTH_FAILED' : undefined);
  return new HozenError(known ?? 'INTERNAL', targetParams(address), { detail: message, cause: thrown });
}

/** The server's own name for what it refused, `ER_…`; empty where it was something else. */
export function mariadbErrorName(error: unknown): string {
  const cause = error instanceof HozenError ? error.cause : undefined;
  return cause instanceof Error && 'code' in cause ? String(cause.code) : '';
}

/** The driver has no name for what is asked over a connection that ended before. */
function isClosed(error: unknown): boolean {
  return error instanceof Error && !('code' in error) && 'fatal' in error && error.fatal === true;
}
