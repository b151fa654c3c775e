import { HozenError, type ProgressView } from '@hozen/contracts';
import { JobSignals, LeaseKeeper } from '@hozen/persistence';
import { LEASE_SECONDS } from './lease.js';
import { ProgressMeter, type ProgressUpdate } from './progress-meter.js';
import type { Renewal } from './renew-lease.js';

/** Well within the lease, and often enough for a progress bar. */
export const RENEW_EVERY_MS = 2_000;

/** What work under a lease is told, and tells. */
export interface Leased {
  /** Aborted when it is to stop: lease lost, cancelled, timed out, shutting down. */
  signal: AbortSignal;
  progress: (update: ProgressUpdate) => void;
  /** @throws HozenError LEASE_LOST */
  ensureLease: () => void;
}

export interface LeaseSettings {
  /** `performance.now()` from before the claim was sent. */
  claimedAt: number;
  shutdown: AbortSignal;
  limitMinutes: number;
  /** Writes the progress down and renews the lease. */
  renew: (progress: ProgressView | undefined) => Promise<Renewal>;
}

/**
 * Does claimed work while its lease is kept.
 * @param settle told why it came to no good end: the reason of the abort if there is one, and what was thrown
 */
export async function underLease(
  settings: LeaseSettings,
  work: (leased: Leased) => Promise<void>,
  settle: (reason: unknown, thrown: unknown) => Promise<void>,
): Promise<void> {
  const { claimedAt, shutdown, limitMinutes, renew } = settings;
  const meter = new ProgressMeter();
  let signals: JobSignals | undefined;
  await using lease = LeaseKeeper.keep({
    ttlMs: LEASE_SECONDS * 1000,
    everyMs: RENEW_EVERY_MS,
    claimedAt,
    renew: async () => {
      const renewal = await renew(meter.current());
      if (renewal.cancel) signals?.cancel();
      return renewal.held;
    },
  });
  const timedOut = new HozenError('TIMED_OUT', { minutes: limitMinutes });
  using kept = (signals = new JobSignals(lease, shutdown, limitMinutes * 60_000, timedOut));
  try {
    await work({
      signal: kept.signal,
      progress: (update) => meter.update(update),
      ensureLease: () => lease.ensure(),
    });
  } catch (thrown) {
    await settle(kept.reasonOr(thrown), thrown);
  }
}
