/**
 * What a server archives: WAL, the end of a timeline's WAL, how a timeline came about, where a backup began. And what a
 * receiver has of a segment that the server still writes: `live`, the only one that is replaced.
 */
export type WalKind = 'segment' | 'partial' | 'history' | 'label' | 'live';

export interface WalName {
  name: string;
  kind: WalKind;
  timeline: number;
}

const FORMS: readonly [WalKind, RegExp][] = [
  ['segment', /^[0-9A-F]{24}$/],
  ['partial', /^[0-9A-F]{24}\.partial$/],
  ['label', /^[0-9A-F]{24}\.[0-9A-F]{8}\.backup$/],
  ['history', /^[0-9A-F]{8}\.history$/],
  ['live', /^[0-9A-F]{24}\.live$/],
];

/** @returns undefined for the name of anything else */
export function walNameOf(name: string): WalName | undefined {
  const [kind] = FORMS.find(([, form]) => form.test(name)) ?? [];
  return kind && { name, kind, timeline: Number.parseInt(name.slice(0, 8), 16) };
}

/** Where the WAL begins that a segment holds. */
export function startOfSegment(name: string, segmentBytes: number): bigint {
  return numberOf(name, segmentBytes) * BigInt(segmentBytes);
}

/** Which segment of its timeline it is. */
export function numberOf(name: string, segmentBytes: number): bigint {
  const perHalf = 0x1_0000_0000n / BigInt(segmentBytes);
  return BigInt(`0x${name.slice(8, 16)}`) * perHalf + BigInt(`0x${name.slice(16, 24)}`);
}

const SUFFIX = '.wal';

/** Where in the archive a file stands: 256 segments of 16 MB share a folder. */
export function keyOf({ name, kind }: WalName): string {
  return kind === 'history' ? `${name}${SUFFIX}` : `${name.slice(0, 16)}/${name}${SUFFIX}`;
}

/** What stands at a place in the archive; undefined for what is no WAL. */
export function nameAt(key: string): WalName | undefined {
  const file = key.slice(key.lastIndexOf('/') + 1);
  const found = file.endsWith(SUFFIX) ? walNameOf(file.slice(0, -SUFFIX.length)) : undefined;
  return found && keyOf(found) === key ? found : undefined;
}
