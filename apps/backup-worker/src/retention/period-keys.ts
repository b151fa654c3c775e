import type { Period } from './policy.js';

const formats = new Map<string, Intl.DateTimeFormat>();

/** The day, the ISO week (from Monday), the month and the year that a time belongs to in a zone. */
export function periodKeys(time: Date, timeZone: string): Readonly<Record<Period, string>> {
  const parts = formatIn(timeZone).formatToParts(time);
  const of = (type: Intl.DateTimeFormatPartTypes) => Number(parts.find((part) => part.type === type)?.value);
  const [year, month, day] = [of('year'), of('month'), of('day')];
  return {
    daily: `${year}-${month}-${day}`,
    weekly: mondayOf(year, month, day),
    monthly: `${year}-${month}`,
    yearly: String(year),
  };
}

function mondayOf(year: number, month: number, day: number): string {
  const date = new Date(Date.UTC(year, month - 1, day));
  date.setUTCDate(date.getUTCDate() - ((date.getUTCDay() + 6) % 7));
  return date.toISOString().slice(0, 10);
}

function formatIn(timeZone: string): Intl.DateTimeFormat {
  const format =
    formats.get(timeZone) ??
    new Intl.DateTimeFormat('en-US-u-ca-gregory-nu-latn', {
      timeZone,
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
    });
  formats.set(timeZone, format);
  return format;
}
