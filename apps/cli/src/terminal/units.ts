const UNITS = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'];

/** Bytes in decimal units, three figures: `12.3 MB`. */
export function bytesText(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 999.5 && unit < UNITS.length - 1) {
    value /= 1000;
    unit += 1;
  }
  const figures = unit === 0 || value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2;
  return `${value.toFixed(figures)} ${UNITS[unit]}`;
}

export function rateText(bytesPerSecond: number): string {
  return `${(bytesPerSecond / 1e6).toFixed(1)} MB/s`;
}

/** `850 ms`, `12.3 s`, `4:05`, `2:10:00`. */
export function durationText(milliseconds: number): string {
  if (milliseconds < 999.5) return `${Math.max(0, Math.round(milliseconds))} ms`;
  if (milliseconds < 59_950) return `${(milliseconds / 1000).toFixed(1)} s`;
  return clockText(Math.round(milliseconds / 1000));
}

/** `0:12`, `4:05`, `2:10:00`. */
export function clockText(seconds: number): string {
  const rounded = Math.max(0, Math.round(seconds));
  const two = (value: number) => String(value).padStart(2, '0');
  const minutes = Math.floor(rounded / 60) % 60;
  const hours = Math.floor(rounded / 3600);
  return hours > 0 ? `${hours}:${two(minutes)}:${two(rounded % 60)}` : `${minutes}:${two(rounded % 60)}`;
}

/** An RFC 3339 time as local time of this machine, or of the zone, and how far that is from UTC: `2026-11-21 02:00:00 +09:00`. */
export function timeText(time: string, timeZone?: string): string {
  const zone = timeZone === undefined ? {} : { timeZone };
  const at = new Date(time);
  const local = new Intl.DateTimeFormat('sv-SE', { dateStyle: 'short', timeStyle: 'medium', ...zone });
  const offset = new Intl.DateTimeFormat('en', { timeZoneName: 'longOffset', ...zone })
    .formatToParts(at)
    .find(({ type }) => type === 'timeZoneName')?.value;
  return `${local.format(at)} ${offset?.replace('GMT', '') || '+00:00'}`;
}

/** Time between two RFC 3339 times; nothing where one is missing. */
export function betweenText(from: string | undefined, to: string | undefined): string {
  return from === undefined || to === undefined ? '' : durationText(Date.parse(to) - Date.parse(from));
}
