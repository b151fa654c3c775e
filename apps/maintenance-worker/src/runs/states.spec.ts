import { MAINTENANCE_STATES, type MaintenanceState } from '@hozen/contracts';
import { expect, it } from 'vitest';
import { checkTransition, isFinal, TRANSITIONS } from './states.js';

it('leads from every state to an end, and out of no end', () => {
  const reached = (from: MaintenanceState): Set<MaintenanceState> => {
    const seen = new Set<MaintenanceState>([from]);
    for (const state of seen) for (const next of TRANSITIONS[state]) seen.add(next);
    return seen;
  };
  expect(reached('accepted')).toEqual(new Set(MAINTENANCE_STATES));
  for (const state of MAINTENANCE_STATES) {
    expect([...reached(state)].some(isFinal), state).toBe(true);
    expect(isFinal(state)).toBe(['completed', 'failed', 'cancelled'].includes(state));
  }
});

it('reaches the work only through the safety backup', () => {
  const before = MAINTENANCE_STATES.filter((state) => TRANSITIONS[state].includes('optimizing'));
  expect(before).toEqual(['backing_up']);
  expect(MAINTENANCE_STATES.filter((state) => TRANSITIONS[state].includes('completed'))).toEqual(['optimizing']);
});

it('refuses a step that the table does not know', () => {
  expect(() => checkTransition('completed', 'failed')).toThrow('from completed to failed');
  expect(() => checkTransition('optimizing', 'completed')).not.toThrow();
});
