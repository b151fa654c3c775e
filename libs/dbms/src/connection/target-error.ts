import { HozenError, type ErrorCode, type ErrorParams } from '@hozen/contracts';
import type { PostgresAddress } from '../address.js';
import { codeOfToolMessage } from './tool-messages.js';

/** What an error's text needs to know of an address; no secret among it. */
export type AddressFacts = Pick<PostgresAddress, 'target' | 'host' | 'port' | 'user'>;

/** SQLSTATE, or its class (two characters), to what it means. https://www.postgresql.org/docs/current/errcodes-appendix.html */
const SQL_STATES: Readonly<Record<string, ErrorCode>> = {
  '08': 'TARGET_CONNECTION_LOST',
  '28': 'TARGET_AUTH_FAILED',
  '42501': 'TARGET_RIGHTS_MISSING',
  '53100': 'DISK_FULL',
  '53300': 'TARGET_NOT_READY',
  '55000': 'TARGET_REFUSED',
  '55006': 'TARGET_LOCKED',
  '55P03': 'TARGET_LOCKED',
  '57P01': 'TARGET_CONNECTION_LOST',
  '57P02': 'TARGET_CONNECTION_LOST',
  '57P03': 'TARGET_NOT_READY',
  '57P05': 'TARGET_CONNECTION_LOST',
};

const SYSTEM_CODES: Readonly<Record<string, ErrorCode>> = {
  ECONNREFUSED: 'TARGET_UNREACHABLE',
  ENOTFOUND: 'TARGET_UNREACHABLE',
  EAI_AGAIN: 'TARGET_UNREACHABLE',
  ETIMEDOUT: 'TARGET_UNREACHABLE',
  EHOSTUNREACH: 'TARGET_UNREACHABLE',
  ENETUNREACH: 'TARGET_UNREACHABLE',
  ENOENT: 'TARGET_UNREACHABLE',
  EACCES: 'TARGET_UNREACHABLE',
  ECONNRESET: 'TARGET_CONNECTION_LOST',
  EPIPE: 'TARGET_CONNECTION_LOST',
};

/** The driver's own errors have no code, only these words. */
const DRIVER_MESSAGES: readonly (readonly [RegExp, ErrorCode])[] = [
  [/timeout expired/, 'TARGET_UNREACHABLE'],
  [/Connection terminated|Query read timeout|not queryable|Client was closed/, 'TARGET_CONNECTION_LOST'],
  [
    /SASL|SCRAM|does not support SSL|error establishing an SSL connection|certificate|Unknown authentication/i,
    'TARGET_AUTH_FAILED',
  ],
];

/**
 * What went wrong on a target, as a {@link HozenError}: a driver error by its SQLSTATE or system code, anything we do
 * not recognise (a syntax error, say, which is our own fault) as INTERNAL. The original stays as the cause.
 */
export function asTargetError(thrown: unknown, address: AddressFacts): HozenError {
  if (thrown instanceof HozenError) return thrown;
  const error = innermost(thrown);
  const message = error instanceof Error ? error.message : String(error);
  const code = codeOf(error, message) ?? 'INTERNAL';
  return new HozenError(code, targetParams(address), {
    detail: code === 'TARGET_REFUSED' ? withAdvice(message, error) : message,
    cause: thrown,
  });
}

/** The server's own hint, where it gives one. */
function withAdvice(message: string, error: unknown): string {
  const hint = error instanceof Error && 'hint' in error ? error.hint : undefined;
  return typeof hint === 'string' && hint !== '' ? `${message} (${hint})` : message;
}

/** Parameters for the texts of all target errors. */
export function targetParams(address: AddressFacts): ErrorParams {
  const { target, host, port, user } = address;
  return { target, host, port, user, path: `the server ${host}:${port}` };
}

function codeOf(error: unknown, message: string): ErrorCode | undefined {
  const code = error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';
  return (
    SQL_STATES[code] ??
    (/^[0-9A-Z]{5}$/.test(code) ? SQL_STATES[code.slice(0, 2)] : undefined) ??
    SYSTEM_CODES[code] ??
    (/^(ERR_TLS|ERR_SSL|CERT_|UNABLE_TO_|SELF_SIGNED|DEPTH_ZERO)/.test(code) ? 'TARGET_AUTH_FAILED' : undefined) ??
    DRIVER_MESSAGES.find(([pattern]) => pattern.test(message))?.[1] ??
    codeOfToolMessage(message)
  );
}

/** A host name with several addresses fails with an AggregateError; the first address tells enough. */
function innermost(thrown: unknown): unknown {
  return thrown instanceof AggregateError && thrown.errors.length > 0 ? (thrown.errors[0] as unknown) : thrown;
}
