import type { RunState } from '@hozen/contracts';

/** Every step a run's state may take. The last three states are final: nothing leads out of them. */
export const TRANSITIONS: Readonly<Record<RunState, readonly RunState[]>> = {
  /** Accepted, or waiting between tries (`not_before`). */
  queued: ['running', 'failed', 'cancelled'],
  /** A worker holds the lease. Back to `queued` for another try, or when the worker hands it back. */
  running: ['queued', 'completed', 'failed', 'cancelled'],
  completed: [],
  failed: [],
  cancelled: [],
};

export function isFinal(state: RunState): boolean {
  return TRANSITIONS[state].length === 0;
}
