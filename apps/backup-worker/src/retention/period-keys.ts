import { inZone } from '../zoned-time.js';
import type { Period } from './policy.js';

/** The day, the ISO week (from Monday), the month and the year that a time belongs to in a zone. */
export function periodKeys(time: Date, timeZone: string): Readonly<Record<Period, string>> {
  const { year, month, day } = inZone(time, timeZone);
  return {
    daily: `${year}-${month}-${day}`,
    weekly: mondayOf(Number(year), Number(month), Number(day)),
    monthly: `${year}-${month}`,
    yearly: year,
  };
}

function mondayOf(year: number, month: number, day: number): string {
  const date = new Date(Date.UTC(year, month - 1, day));
  date.setUTCDate(date.getUTCDate() - ((date.getUTCDay() + 6) % 7));
  return date.toISOString().slice(0, 10);
}
