import { HozenError } from '@hozen/contracts';

/** Starting up, shutting down, ended by force, all connections taken, any failure of the connection. */
const AWAY_STATE = /^(57P0[1235]|53300|08...)$/;
/** Nobody answers there, or nobody answers any more. */
const AWAY_CODE = /^(ECONNREFUSED|ECONNRESET|EPIPE|ENOTFOUND|EAI_AGAIN|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH)$/;
/** The driver's own errors have no code, only these words. */
const DRIVER_MESSAGE = /Connection terminated|timeout exceeded when trying to connect|not queryable|Client was closed/;

/** Whether an error of the driver says that the database is away, rather than that it refused something. */
export function isDatabaseAway(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const code = databaseCode(error);
  return AWAY_STATE.test(code) || AWAY_CODE.test(code) || isMissingSocket(error) || DRIVER_MESSAGE.test(error.message);
}

/**
 * Whether what ended a job says nothing about the job: the service's own database went away under it. Errors of a
 * target have become ours long before; a driver's own can only come from the service's database.
 */
export function isLossOfOwnDatabase(thrown: unknown): boolean {
  return !(thrown instanceof HozenError) && isDatabaseAway(thrown);
}

/** SQLSTATE or system code; empty: none. A host name with several addresses fails with an AggregateError. */
export function databaseCode(error: unknown): string {
  const { code, errors } = error as { code?: unknown; errors?: unknown[] };
  if (typeof code === 'string') return code;
  return errors?.length ? databaseCode(errors[0]) : '';
}

/** Any file may be missing; only a socket is connected to. */
function isMissingSocket({ code, syscall }: NodeJS.ErrnoException): boolean {
  return code === 'ENOENT' && syscall === 'connect';
}
