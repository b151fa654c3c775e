import { HozenError, type Reason } from '@hozen/contracts';

/**
 * What becomes of a message:
 *
 * - `done`: its effects are committed.
 * - `retry`: it failed in a way that may pass; it is delivered again after a while.
 * - `bury`: it can never be accepted; it goes to the dead letters with the reasons.
 */
export type Outcome =
  { kind: 'done' } | { kind: 'retry'; error: Error } | { kind: 'bury'; reasons: Reason[]; error?: Error };

const LONGEST_MESSAGE = 500;

/** The decision about an error of a handler. Unknown errors are taken for passing ones, but not for ever. */
export function outcomeOf(thrown: unknown, deliveries: number, maxDeliveries: number): Outcome {
  const error = asError(thrown);
  if (isFinal(error)) return { kind: 'bury', reasons: reasonsOf(error), error };
  if (deliveries < maxDeliveries) return { kind: 'retry', error };
  const message = `it failed ${deliveries} times; the last time with: ${error.message.slice(0, LONGEST_MESSAGE)}`;
  return { kind: 'bury', reasons: [{ field: '', message }], error };
}

function reasonsOf(error: HozenError): Reason[] {
  return error.reasons.length > 0 ? [...error.reasons] : [{ field: '', message: error.message }];
}

function isFinal(error: Error): error is HozenError {
  if (!(error instanceof HozenError) || error.code === 'INTERNAL') return false;
  switch (error.class) {
    case 'operator':
    case 'give-up':
      return true;
    case 'connection':
    case 'io':
    case 'compression':
    case 'verification':
    case 'not-ours':
      return false;
  }
  return false;
}

/** A handler without `@OnEvent`'s filter fails with Nest's plain object. */
function asError(thrown: unknown): Error {
  if (thrown instanceof Error) return thrown;
  const message = (thrown as { message?: unknown } | null)?.message;
  return new Error(typeof message === 'string' ? message : String(thrown));
}
