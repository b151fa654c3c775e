import { ERRORS, HozenError, type MaintenanceRetriesSpec } from '@hozen/contracts';
import { StepError } from '../optimize/step-error.js';

/** Times in a row a run may be taken over from workers that died without getting anything done. */
export const TAKEOVERS_ALLOWED = 2;

export type RetryClass = keyof MaintenanceRetriesSpec;

export interface RetryDecision {
  /** Seconds until the next try. */
  afterSeconds: number;
  /** The class whose count goes up. */
  counts: RetryClass;
}

/**
 * Whether an error is tried again, and when: by its class, as often as the settings say (BATCH-905 §6.2).
 * @param used tries already made, by class
 * @returns undefined: it is not tried again
 */
export function retryOf(
  error: unknown,
  used: Partial<Record<string, number>>,
  retries: MaintenanceRetriesSpec,
): RetryDecision | undefined {
  const kind = retryClassOf(error);
  if (kind === undefined) return undefined;
  const before = used[kind] ?? 0;
  const { times, seconds, exponential } = retries[kind];
  if (before >= times) return undefined;
  return { afterSeconds: seconds * (exponential ? 2 ** before : 1), counts: kind };
}

function retryClassOf(error: unknown): RetryClass | undefined {
  if (error instanceof StepError) return error.damage ? 'integrity' : undefined;
  if (!(error instanceof HozenError)) return undefined;
  // SQLSTATE class 53: the server has run out of disk, memory or connections, under several of our codes.
  if (error.code === 'DISK_FULL' || sqlStateOf(error).startsWith('53')) return 'resources';
  return ERRORS[error.code] === 'connection' ? 'transient' : undefined;
}

/** SQLSTATE of the driver's error at the bottom; empty where there is none. */
export function sqlStateOf(thrown: unknown): string {
  for (let error = thrown; error instanceof Error; error = error.cause) {
    if ('code' in error && typeof error.code === 'string' && /^[0-9A-Z]{5}$/.test(error.code)) return error.code;
  }
  return '';
}
