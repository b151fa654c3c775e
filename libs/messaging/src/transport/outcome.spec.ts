import { HozenError } from '@hozen/contracts';
import { expect, it } from 'vitest';
import { outcomeOf } from './outcome.js';
import { RETRY_DELAYS_MS, retryDelay } from './retry-delay.js';

it('tries again what may pass', () => {
  expect(outcomeOf(new Error('connection refused'), 1, 10).kind).toBe('retry');
  expect(outcomeOf(new HozenError('TARGET_UNREACHABLE'), 9, 10).kind).toBe('retry');
  expect(outcomeOf(new HozenError('INTERNAL'), 1, 10).kind).toBe('retry');
  expect(outcomeOf(new HozenError('LEASE_LOST'), 1, 10).kind).toBe('retry');
});

it('buries at once what a person has to change, with the text of the catalogue', () => {
  expect(outcomeOf(new HozenError('CONFIG_UNKNOWN', { config: 'x' }), 1, 10)).toMatchObject({
    kind: 'bury',
    reasons: [{ field: '', message: 'There is no backup config named "x"' }],
  });
});

it('buries what failed at every delivery, and says how often', () => {
  expect(outcomeOf(new Error('boom'), 10, 10)).toMatchObject({
    kind: 'bury',
    reasons: [{ field: '', message: 'it failed 10 times; the last time with: boom' }],
  });
});

it('keeps the message of an error that Nest made plain', () => {
  expect(outcomeOf({ status: 'error', message: 'Internal server error' }, 1, 10)).toMatchObject({
    kind: 'retry',
    error: new Error('Internal server error'),
  });
});

it('waits longer each time, minutes in all, never all at the same moment', () => {
  expect(retryDelay(1, [100, 1000], 0.5)).toBe(100);
  expect(retryDelay(2, [100, 1000], 0)).toBe(800);
  expect(retryDelay(9, [100, 1000], 1)).toBe(1200);
  expect(RETRY_DELAYS_MS.reduce((sum, each) => sum + each)).toBeGreaterThan(180_000);
});
