/** Version of the IANA time zone data that this process computes with, such as `2026a`. */
export const TIME_ZONE_DATA = process.versions['tz'] ?? 'unknown';
