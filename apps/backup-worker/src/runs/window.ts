import type { WindowSpec } from '@hozen/contracts';
import { inZone } from '../zoned-time.js';

/** Whether `now` lies in the window, by the clock of `timeZone`. A window whose end is before its start crosses midnight. */
export function isInWindow(now: Date, window: WindowSpec, timeZone: string): boolean {
  const { hour, minute } = inZone(now, timeZone);
  const time = `${hour}:${minute}`;
  return window.from <= window.to ? window.from <= time && time < window.to : window.from <= time || time < window.to;
}
