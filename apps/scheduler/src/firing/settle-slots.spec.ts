import { describe, expect, it } from 'vitest';
import { settleSlots, type SlotPolicy } from './settle-slots.js';

const NOW = new Date('2026-05-01T12:00:00Z');
const hoursAgo = (...hours: number[]) => hours.map((each) => new Date(NOW.getTime() - each * 3_600_000));
const policy = (changes: Partial<SlotPolicy>): SlotPolicy => ({
  enabled: true,
  misfire: 'latest',
  catchUpLimit: 2,
  ...changes,
});
const results = (...args: Parameters<typeof settleSlots>) => settleSlots(...args).map(({ result }) => result);

describe('missed slots', () => {
  it('become one fire with the policy `latest`', () => {
    expect(results(hoursAgo(3, 2, 1), NOW, policy({}))).toEqual(['coalesced', 'coalesced', 'fired']);
  });

  it('are all left to a slot that is on time with the policy `latest`', () => {
    expect(results(hoursAgo(2, 1, 0), NOW, policy({}))).toEqual(['coalesced', 'coalesced', 'fired']);
  });

  it('are fired from the newest back to the limit with the policy `all`', () => {
    expect(results(hoursAgo(3, 2, 1, 0), NOW, policy({ misfire: 'all' }))).toEqual([
      'skipped',
      'fired',
      'fired',
      'fired',
    ]);
  });

  it('are not made up for with the policy `skip`, while those on time fire', () => {
    expect(results(hoursAgo(2, 1, 0), NOW, policy({ misfire: 'skip' }))).toEqual(['skipped', 'skipped', 'fired']);
  });

  it('stay undecided at the end of a list that goes on, as far as the policy may choose them', () => {
    expect(results(hoursAgo(4, 3, 2, 1), NOW, policy({}), true)).toEqual(['coalesced', 'coalesced', 'coalesced']);
    expect(results(hoursAgo(4, 3, 2, 1), NOW, policy({ misfire: 'all' }), true)).toEqual(['skipped', 'skipped']);
  });
});

it('a slot a few seconds late is on time: loops and starting services take that long', () => {
  const slots = [9, 5, 1].map((seconds) => new Date(NOW.getTime() - seconds * 1000));
  expect(results(slots, NOW, policy({ misfire: 'skip' }))).toEqual(['fired', 'fired', 'fired']);
});

it('slots of a paused schedule are recorded as skipped, not forgotten', () => {
  expect(settleSlots(hoursAgo(1, 0), NOW, policy({ enabled: false }))).toMatchObject([
    { result: 'skipped', reason: 'paused' },
    { result: 'skipped', reason: 'paused' },
  ]);
});
