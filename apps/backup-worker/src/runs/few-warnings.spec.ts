import { expect, it } from 'vitest';
import { fewWarnings } from './few-warnings.js';

it('an event has the first warnings, cut where they are long, and says how many are left out', () => {
  expect(fewWarnings(['one', 'x'.repeat(600)])).toEqual(['one', `${'x'.repeat(499)}…`]);
  const many = fewWarnings(Array.from({ length: 10_000 }, (_, n) => `database ${n} is left out`));
  expect(many).toHaveLength(51);
  expect(many.at(-1)).toBe('and 9950 more, which stand in the manifest');
});
