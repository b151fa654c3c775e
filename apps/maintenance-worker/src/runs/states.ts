import type { MaintenanceState } from '@hozen/contracts';

/** Every step a run's state may take. The last three states are final: nothing leads out of them. */
export const TRANSITIONS: Readonly<Record<MaintenanceState, readonly MaintenanceState[]>> = {
  /** A worker claims it and begins, or it is cancelled before. */
  accepted: ['diagnosing', 'cancelled'],
  /** The plan is made and the safety backup asked for; straight on where the answer is already known. */
  diagnosing: ['backing_up', 'failed', 'cancelled'],
  /** Left by an event or by the deadline, never by a worker's lease. */
  backing_up: ['optimizing', 'failed', 'cancelled'],
  optimizing: ['completed', 'failed', 'cancelled'],
  completed: [],
  failed: [],
  cancelled: [],
};

export function isFinal(state: MaintenanceState): boolean {
  return TRANSITIONS[state].length === 0;
}

/** @throws Error for a step that the table does not know: a fault of ours, stopped before it is written */
export function checkTransition(from: MaintenanceState, to: MaintenanceState): void {
  if (!TRANSITIONS[from].includes(to)) throw new Error(`a maintenance run cannot go from ${from} to ${to}`);
}
