import { describe, expect, it } from 'vitest';
import { localTime, nextFires } from './cron.js';

const fires = (cron: string, timeZone: string, after: string, count: number) =>
  nextFires({ cron, timeZone }, new Date(after), count).map((fire) => fire.toISOString().replace('.000Z', 'Z'));

describe('a fixed time on the night when clocks go forward', () => {
  it.each([
    ['30 2 * * *', 'America/New_York', '2026-03-08T00:00:00Z', '2026-03-08T07:00:00Z'],
    ['30 2 * * *', 'Europe/Berlin', '2026-03-28T12:00:00Z', '2026-03-29T01:00:00Z'],
    ['0 2 * * *', 'Australia/Lord_Howe', '2026-10-03T00:00:00Z', '2026-10-03T15:30:00Z'],
    ['15 0 * * *', 'America/Santiago', '2026-09-05T12:00:00Z', '2026-09-06T04:00:00Z'],
    ['0 2,14 * * *', 'America/New_York', '2026-03-08T00:00:00Z', '2026-03-08T07:00:00Z'],
  ])('%s in %s is due at the first instant after the gap', (cron, zone, after, expected) => {
    expect(fires(cron, zone, after, 1)).toEqual([expected]);
  });

  it('is due once when two of its times fall into the gap', () => {
    expect(fires('0,30 2 * * *', 'America/New_York', '2026-03-08T00:00:00Z', 2)).toEqual([
      '2026-03-08T07:00:00Z',
      '2026-03-09T06:00:00Z',
    ]);
  });
});

describe('on the night when clocks go back', () => {
  it('a fixed time is due at its first occurrence, once', () => {
    expect(fires('30 1 * * *', 'America/New_York', '2026-11-01T04:00:00Z', 2)).toEqual([
      '2026-11-01T05:30:00Z',
      '2026-11-02T06:30:00Z',
    ]);
  });

  it('an interval follows elapsed time through both hours', () => {
    expect(fires('*/15 1 * * *', 'America/New_York', '2026-11-01T04:00:00Z', 9)).toEqual([
      '2026-11-01T05:00:00Z',
      '2026-11-01T05:15:00Z',
      '2026-11-01T05:30:00Z',
      '2026-11-01T05:45:00Z',
      '2026-11-01T06:00:00Z',
      '2026-11-01T06:15:00Z',
      '2026-11-01T06:30:00Z',
      '2026-11-01T06:45:00Z',
      '2026-11-02T06:00:00Z',
    ]);
  });
});

it('writes local times with their offset', () => {
  expect(localTime(new Date('2026-03-08T07:00:00Z'), 'America/New_York')).toBe('2026-03-08 03:00:00 GMT-4');
  expect(localTime(new Date('2026-03-08T15:00:00Z'), 'Asia/Tokyo')).toBe('2026-03-09 00:00:00 GMT+9');
});
