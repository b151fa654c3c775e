import { RUN_STATES, type RunState } from '@hozen/contracts';
import { expect, it } from 'vitest';
import { isFinal, TRANSITIONS } from './states.js';

it('every state is reached from queued, and every walk can end', () => {
  const reached = new Set<RunState>(['queued']);
  for (const state of reached) for (const next of TRANSITIONS[state]) reached.add(next);
  expect([...reached].toSorted()).toEqual([...RUN_STATES].toSorted());
  for (const state of RUN_STATES) {
    expect(isFinal(state) || TRANSITIONS[state].some((next) => isFinal(next)), state).toBe(true);
  }
});

it('nothing leads out of a final state', () => {
  expect(RUN_STATES.filter(isFinal)).toEqual(['completed', 'failed', 'cancelled']);
});
