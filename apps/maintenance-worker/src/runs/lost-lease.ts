import { HozenError } from '@hozen/contracts';

/** For a write that matched no row: a higher epoch owns the run now, or it has moved on; this worker leaves without a word. */
export function lostLease(): HozenError {
  return new HozenError('LEASE_LOST');
}
