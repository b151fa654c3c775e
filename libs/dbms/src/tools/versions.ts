/** First minor releases without the faults that a hostile server or dump can use against its client (CVE-2026-18408). */
const PATCHED: Readonly<Record<number, number>> = { 14: 24, 15: 19, 16: 15, 17: 11, 18: 6 };
const OLDEST_PATCHED_MAJOR = 14;

/** The first safe version of a major, as `major.minor`; undefined for majors that were never faulty. */
export function firstPatched(major: number): string | undefined {
  if (major < OLDEST_PATCHED_MAJOR) return `${OLDEST_PATCHED_MAJOR}.${PATCHED[OLDEST_PATCHED_MAJOR]}`;
  const minor = PATCHED[major];
  return minor === undefined ? undefined : `${major}.${minor}`;
}

export function isPatched(version: string): boolean {
  const { major, minor } = parseVersion(version);
  return major >= OLDEST_PATCHED_MAJOR && minor >= (PATCHED[major] ?? 0);
}

/** `15.20`, `19beta1` (minor 0). */
export function parseVersion(version: string): { major: number; minor: number } {
  const [, major = '0', minor = '0'] = /^(\d+)(?:\.(\d+))?/.exec(version) ?? [];
  return { major: Number(major), minor: Number(minor) };
}
