import { isSamePlace, type StorageSpec } from '@hozen/contracts';

/** The place of a copy, as its config reaches it now: addresses of keys and certificates change, copies stay. */
export function reachedNow(stored: StorageSpec, now: StorageSpec | null): StorageSpec {
  return now && isSamePlace(stored, now) ? now : stored;
}
