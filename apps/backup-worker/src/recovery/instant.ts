/** A moment in microseconds since 1970: PostgreSQL's times are as fine, a Date is not. */
export type Instant = bigint;

/** `2026-01-31T00:15:00.123456Z` */
export function instantText(instant: Instant): string {
  const micros = ((instant % 1_000_000n) + 1_000_000n) % 1_000_000n;
  const seconds = new Date(Number((instant - micros) / 1000n)).toISOString().slice(0, 19);
  return `${seconds}.${String(micros).padStart(6, '0')}Z`;
}

/** @param text RFC 3339 with a zone, also with a comma; finer than microseconds is cut off. @throws RangeError for anything else */
export function parseInstant(text: string): Instant {
  const [, minutes, seconds = ':00', fraction = '', zone] =
    /^(\d{4}-\d\d-\d\dT\d\d:\d\d)(:\d\d)?(?:[.,](\d{1,6})\d*)?(Z|[+-]\d\d:\d\d)$/.exec(text) ?? [];
  const milliseconds = Date.parse(`${minutes}${seconds}${zone}`);
  if (Number.isNaN(milliseconds)) throw new RangeError(`not a moment with a zone: ${text}`);
  return BigInt(milliseconds) * 1000n + BigInt(fraction.padEnd(6, '0'));
}
