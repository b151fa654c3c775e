import { expect, it } from 'vitest';
import { nextFires } from './cron.js';

const MINUTE = 60_000;
const QUARTER = 15 * MINUTE;
const FROM = Date.parse('2026-01-01T00:00:00Z');
const TO = Date.parse('2027-01-01T00:00:00Z');

/**
 * What the wall clock of a zone shows at each minute of 2026, as if it were UTC. Clocks change only at quarters of an
 * hour, so the offset is asked for at each quarter.
 */
function wallClock(timeZone: string): { instant: number; local: number }[] {
  const format = new Intl.DateTimeFormat('en-GB', {
    timeZone,
    dateStyle: 'short',
    timeStyle: 'medium',
    hourCycle: 'h23',
  });
  const minutes: { instant: number; local: number }[] = [];
  for (let quarter = FROM; quarter < TO; quarter += QUARTER) {
    const [, day, month, year, hour, minute] = /^(\d+)\/(\d+)\/(\d+), (\d+):(\d+)/.exec(format.format(quarter)) ?? [];
    const local = Date.UTC(Number(year), Number(month) - 1, Number(day), Number(hour), Number(minute));
    for (let ahead = 0; ahead < QUARTER; ahead += MINUTE) {
      minutes.push({ instant: quarter + ahead, local: local + ahead });
    }
  }
  return minutes;
}

/** One pattern, said twice: as cron, and as a question about a local minute (of the day) and weekday. */
interface Pattern {
  cron: string;
  interval: boolean;
  matches: (minute: number, weekday: number) => boolean;
}

const at = (hour: number, minute: number) => hour * 60 + minute;
const PATTERNS: Pattern[] = [
  { cron: '0 2 * * *', interval: false, matches: (minute) => minute === at(2, 0) },
  { cron: '15 0 * * *', interval: false, matches: (minute) => minute === at(0, 15) },
  { cron: '30 1 * * *', interval: false, matches: (minute) => minute === at(1, 30) },
  { cron: '45 1,13 * * *', interval: false, matches: (minute) => minute === at(1, 45) || minute === at(13, 45) },
  { cron: '10 2 * * 0', interval: false, matches: (minute, weekday) => weekday === 0 && minute === at(2, 10) },
  { cron: '*/20 0-3 * * *', interval: true, matches: (minute) => minute < at(4, 0) && minute % 20 === 0 },
  { cron: '0 */3 * * *', interval: true, matches: (minute) => minute % at(3, 0) === 0 },
];

const DAY = 24 * 60 * MINUTE;
/** 1970-01-01 was a Thursday. */
const isDue = ({ matches }: Pattern, local: number) =>
  matches((local % DAY) / MINUTE, (Math.floor(local / DAY) + 4) % 7);

/**
 * The rule by walking: an interval is due at each minute that matches. A fixed time is due when the hands of the clock
 * pass it for the first time, also when they jump over it.
 */
function walked(minutes: { instant: number; local: number }[], pattern: Pattern): number[] {
  let highest = minutes[0]?.local ?? 0;
  return minutes.slice(1).flatMap(({ instant, local }) => {
    if (pattern.interval) return isDue(pattern, local) ? [instant] : [];
    let due = false;
    while (highest < local) {
      highest += MINUTE;
      due ||= isDue(pattern, highest);
    }
    return due ? [instant] : [];
  });
}

it.each([
  'Australia/Lord_Howe',
  'America/Santiago',
  'Asia/Tokyo',
  'Asia/Shanghai',
  'America/New_York',
  'Europe/Berlin',
  'UTC',
])('every fire of a year in %s is the one found by walking through its minutes', (timeZone) => {
  const minutes = wallClock(timeZone);
  for (const pattern of PATTERNS) {
    const expected = walked(minutes, pattern).map((fire) => new Date(fire).toISOString());
    expect(expected.length).toBeGreaterThanOrEqual(52);
    const found = nextFires({ cron: pattern.cron, timeZone }, new Date(FROM), expected.length + 1)
      .map((fire) => fire.toISOString())
      .filter((fire) => fire < new Date(TO).toISOString());
    expect({ pattern: pattern.cron, fires: found }).toEqual({ pattern: pattern.cron, fires: expected });
  }
});
