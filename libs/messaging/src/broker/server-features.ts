import { HozenError } from '@hozen/contracts';

/** What this needs at least; Debian 12 has 2.9.10. */
export const OLDEST_SERVER = '2.9.0';

/**
 * Options and the version that understands them. An older server takes some of them with a friendly answer and ignores
 * them (the TTLs and schedules), so each is refused here before it is sent.
 */
const NEEDS = {
  stream: {
    compression: '2.10.0',
    consumer_limits: '2.10.0',
    first_seq: '2.10.0',
    metadata: '2.10.0',
    subject_transform: '2.10.0',
    allow_msg_ttl: '2.11.0',
    subject_delete_marker_ttl: '2.11.0',
    allow_atomic: '2.12.0',
    allow_msg_counter: '2.12.0',
    allow_msg_schedules: '2.12.0',
    persist_mode: '2.12.0',
  },
  consumer: {
    filter_subjects: '2.10.0',
    metadata: '2.10.0',
    pause_until: '2.11.0',
    priority_groups: '2.11.0',
    priority_policy: '2.11.0',
  },
  publish: { ttl: '2.11.0', schedule: '2.12.0' },
  settle: { 'term reason': '2.11.0' },
} as const satisfies Record<string, Record<string, string>>;

export type OptionsKind = keyof typeof NEEDS;

/** @throws HozenError BROKER_UNSUITABLE naming every option that this server would refuse or silently ignore. */
export function refuseUnknownOptions(version: string, kind: OptionsKind, options: object): void {
  const needs: Record<string, string> = NEEDS[kind];
  const missing = Object.entries(options)
    .filter(([name, value]) => value !== undefined && needs[name] !== undefined && !isAtLeast(version, needs[name]))
    .map(([name]) => `${kind} option ${name} (from ${needs[name]})`);
  if (missing.length > 0) throw new HozenError('BROKER_UNSUITABLE', { version, what: missing.join(', ') });
}

/** Whether a server of this version knows the option; tests skip by the same table. */
export function understands(version: string, kind: OptionsKind, option: string): boolean {
  const needs: Record<string, string> = NEEDS[kind];
  return needs[option] === undefined || isAtLeast(version, needs[option]);
}

/** @throws HozenError BROKER_UNSUITABLE */
export function refuseTooOld(version: string): void {
  if (!isAtLeast(version, OLDEST_SERVER)) {
    throw new HozenError('BROKER_UNSUITABLE', { version, what: `it is older than ${OLDEST_SERVER}` });
  }
}

export function isAtLeast(version: string, minimum: string): boolean {
  const [have, want] = [numbersOf(version), numbersOf(minimum)];
  for (const [index, number] of want.entries()) {
    const difference = (have[index] ?? -1) - number;
    if (difference !== 0) return difference > 0;
  }
  return true;
}

function numbersOf(version: string): number[] {
  const match = /^v?(\d+)\.(\d+)\.(\d+)/.exec(version);
  return match ? match.slice(1).map(Number) : [];
}
