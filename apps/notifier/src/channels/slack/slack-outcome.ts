import type { Outcome } from '../../delivery/channel.js';

/** Waited when Slack limits us and does not say for how long. Seconds. */
const DEFAULT_WAIT_SECONDS = 30;

/** Errors of the Web API that pass. All others are ours or our settings': the same message gets them again. */
const PASSING_ERRORS = new Set([
  'ratelimited',
  'rate_limited',
  'internal_error',
  'fatal_error',
  'service_unavailable',
  'request_timeout',
  'team_added_to_org',
]);

/** Errors of a connection that was never made: nothing can have arrived. */
const NEVER_CONNECTED = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'UND_ERR_CONNECT_TIMEOUT',
]);

/** `ok: false` of the Web API, which comes with HTTP 200. */
export function platformOutcome(error: string): Outcome {
  return { kind: PASSING_ERRORS.has(error) ? 'retry' : 'refused', error };
}

/** An HTTP status other than 200. Slack answers 5xx before or after it has posted; it does not say which. */
export function httpOutcome(status: number, body: string): Outcome {
  const error = `HTTP ${status}${/^[a-z_]{1,60}$/.test(body) ? ` ${body}` : ''}`;
  if (status === 429) return limitedOutcome(undefined);
  if (status >= 500) return { kind: 'unknown', error };
  return { kind: 'refused', error };
}

/** @param seconds as `Retry-After` says */
export function limitedOutcome(seconds: number | undefined): Outcome {
  return { kind: 'retry', error: 'ratelimited', rateLimitedSeconds: seconds ?? DEFAULT_WAIT_SECONDS };
}

/** A request without an answer. */
export function connectionOutcome(error: Error): Outcome {
  const cause = error.cause instanceof Error ? error.cause : error;
  const code = 'code' in cause ? String(cause.code) : cause.name;
  return { kind: NEVER_CONNECTED.has(code) ? 'retry' : 'unknown', error: `no answer from Slack: ${code}` };
}
