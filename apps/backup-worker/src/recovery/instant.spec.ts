import { RecoveryPoint, requireValid } from '@hozen/contracts';
import { expect, it } from 'vitest';
import { instantText, parseInstant } from './instant.js';

it.each([
  ['2026-01-31T09:15:00+09:00', '2026-01-31T00:15:00.000000Z'],
  ['2026-01-31T09:15:00.123456+09:00', '2026-01-31T00:15:00.123456Z'],
  ['2026-01-31T09:15:00.123456999+09:00', '2026-01-31T00:15:00.123456Z'],
  // As date --iso-8601=ns prints it.
  ['2026-01-31T09:15:00,123456999+09:00', '2026-01-31T00:15:00.123456Z'],
])('the moment %s can be asked for, to the microsecond', (time, expected) => {
  expect(instantText(parseInstant(requireValid(RecoveryPoint, { time }).time ?? ''))).toBe(expected);
});

it('a moment without a zone, or of more than nanoseconds, is refused', () => {
  for (const time of ['2026-01-31T09:15:00', '2026-01-31T09:15:00.1234567890Z', '2026-01-31 09:15:00Z']) {
    expect(() => requireValid(RecoveryPoint, { time })).toThrow('a moment with a zone');
  }
});
