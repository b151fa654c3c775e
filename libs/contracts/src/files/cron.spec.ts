import { describe, expect, it } from 'vitest';
import { translatedRefusal } from '../texts/refusal-texts.js';
import { validate } from '../events/validation.js';
import { ScheduleSpec } from './schedule-spec.js';

function faultsOf(cron: unknown, timeZone = 'Asia/Tokyo') {
  const checked = validate(ScheduleSpec, { name: 's', cron, timeZone, request: { config: 'nightly' } });
  return checked.ok ? [] : checked.reasons;
}

describe('the cron expression of a schedule', () => {
  it.each(['0 2 * * *', '*/5 * * * * *', '0 0 L * *', '0 3 * * FRI#2', '@daily'])('may be %s', (cron) => {
    expect(faultsOf(cron)).toEqual([]);
  });

  it.each([
    ['* * * *', 'five fields'],
    ['* * * * * * *', 'five fields'],
    ['', 'five fields'],
    [12, 'five fields'],
    ['2026-10-10T00:00:00', 'five fields'],
    ['60 * * * *', 'Invalid value for minute: 60'],
    ['0 0 * * 9', 'Invalid value for dayOfWeek'],
    ['0 0 30 2 *', 'never comes'],
  ])('is refused where it is %s, in three languages', (cron, reason) => {
    const [fault] = faultsOf(cron);
    expect(fault).toMatchObject({ field: 'cron', message: expect.stringContaining(reason) as string });
    for (const language of ['ja', 'zh'] as const) {
      expect(translatedRefusal(language, fault?.message ?? '')).not.toBe(fault?.message);
    }
  });

  it('is refused by itself, whatever the time zone is', () => {
    expect(faultsOf('60 * * * *', 'Mars/Olympus').map(({ field }) => field)).toEqual(['cron', 'timeZone']);
  });
});
