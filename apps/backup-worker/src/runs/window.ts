import type { WindowSpec } from '@hozen/contracts';

/** Whether `now` lies in the window, by the clock of `timeZone`. A window whose end is before its start crosses midnight. */
export function isInWindow(now: Date, window: WindowSpec, timeZone: string): boolean {
  const time = new Intl.DateTimeFormat('en-GB', {
    timeZone,
    hour: '2-digit',
    minute: '2-digit',
    hourCycle: 'h23',
  }).format(now);
  return window.from <= window.to ? window.from <= time && time < window.to : window.from <= time || time < window.to;
}
