import { HozenError } from '@hozen/contracts';

/** For a write that matched no row: a higher epoch owns the run now, and this worker leaves without a word. */
export function lostLease(): HozenError {
  return new HozenError('LEASE_LOST');
}
