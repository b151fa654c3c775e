import { recurrence, type Timing } from '@hozen/contracts';

/**
 * The instants a schedule is due after `after`, soonest first; fewer than `count` when it never comes due again.
 *
 * The rule for the nights when clocks change:
 * - A local time that does not exist is due at the first instant after the gap: a backup at 02:30 is not left out.
 * - A local time that exists twice is due at its first occurrence, once.
 * - A pattern with a wildcard or step in hours, minutes or seconds is an interval and follows elapsed time: it neither
 *   pauses nor bunches up when the hands of the clock jump.
 */
export function nextFires(timing: Timing, after: Date, count: number): Date[] {
  return recurrence(timing).nextRuns(count, after);
}

export function nextFire(timing: Timing, after: Date): Date | undefined {
  return nextFires(timing, after, 1)[0];
}

/** The instants a schedule is due after `after` and up to `until`, soonest first, at most `limit`. */
export function firesUntil(timing: Timing, after: Date, until: Date, limit: number): Date[] {
  const cron = recurrence(timing);
  const fires: Date[] = [];
  let next = cron.nextRun(after);
  while (next && next <= until && fires.length < limit) {
    fires.push(next);
    next = cron.nextRun(next);
  }
  return fires;
}

/** The instant as clocks on the wall of that zone show it, with its offset: `2026-03-08 03:00:00 GMT-4`. */
export function localTime(instant: Date, timeZone: string): string {
  const parts = new Intl.DateTimeFormat('en-GB', {
    timeZone,
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
    hourCycle: 'h23',
    timeZoneName: 'shortOffset',
  }).formatToParts(instant);
  const part = (type: Intl.DateTimeFormatPartTypes) => parts.find((each) => each.type === type)?.value ?? '';
  return `${part('year')}-${part('month')}-${part('day')} ${part('hour')}:${part('minute')}:${part('second')} ${part('timeZoneName')}`;
}
