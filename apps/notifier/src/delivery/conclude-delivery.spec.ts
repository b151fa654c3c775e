import { expect, it } from 'vitest';
import { conclude } from './conclude-delivery.js';

const RETRIES = [60, 300];
const first = { attempts: 1, rateLimited: 0, uncertain: false };

it('waits longer after each failed try, and gives up after the last', () => {
  const outcome = { kind: 'retry', error: 'down' } as const;
  const states = [1, 2, 3].map((attempts) => conclude({ ...first, attempts }, outcome, RETRIES));
  expect(states.map(({ state, waitSeconds }) => [state, waitSeconds])).toEqual([
    ['planned', 60],
    ['planned', 300],
    ['failed', 0],
  ]);
});

it('obeys a rate limit to the second and does not count it as a try', () => {
  const limited = { kind: 'retry', error: 'ratelimited', rateLimitedSeconds: 7 } as const;
  const conclusion = conclude({ ...first, attempts: 9, rateLimited: 8 }, limited, RETRIES);
  expect(conclusion).toMatchObject({ state: 'planned', waitSeconds: 7, rateLimited: true });
  const next = conclude({ ...first, attempts: 10, rateLimited: 9 }, { kind: 'retry', error: 'down' }, RETRIES);
  expect(next).toMatchObject({ state: 'planned', waitSeconds: 60 });
});

it('tries again after silence, and remembers that it may have arrived twice', () => {
  expect(conclude(first, { kind: 'unknown', error: 'Timeout' }, RETRIES)).toMatchObject({
    state: 'planned',
    uncertain: true,
    error: 'outcome unknown: Timeout',
  });
  expect(conclude({ ...first, uncertain: true }, { kind: 'sent', providerId: 'x' }, RETRIES)).toMatchObject({
    state: 'sent',
    error: 'outcome unknown, sent again',
  });
});

it('fails at once what will never be taken', () => {
  expect(conclude(first, { kind: 'refused', error: '550 no such user' }, RETRIES)).toMatchObject({ state: 'failed' });
});
