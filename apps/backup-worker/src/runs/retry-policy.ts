import { ERRORS, type ErrorCode, type RetriesSpec } from '@hozen/contracts';

/** Times a run may be taken over from workers that died, before it fails as ABANDONED (BATCH-101 §3.1: 2 repeats). */
export const TAKEOVERS_ALLOWED = 2;

export interface RetryDecision {
  /** Seconds until the next try. */
  afterSeconds: number;
  /** The class whose count goes up. */
  counts: keyof RetriesSpec;
}

/**
 * Whether an error is tried again, and when: by its class, as often as the config says (BATCH-101 §6.2).
 * @param used tries already made, by class
 * @returns undefined: it is not tried again
 */
export function retryOf(
  code: ErrorCode,
  used: Partial<Record<string, number>>,
  retries: RetriesSpec,
): RetryDecision | undefined {
  const kind = ERRORS[code];
  if (kind === 'give-up' || kind === 'operator' || kind === 'not-ours') return undefined;
  const before = used[kind] ?? 0;
  const { times, seconds, exponential } = retries[kind];
  return before < times ? { afterSeconds: seconds * (exponential ? 2 ** before : 1), counts: kind } : undefined;
}
