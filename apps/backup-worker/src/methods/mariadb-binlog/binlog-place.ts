import type { BinlogPlace, Gtid } from './binlog-reader.js';

/** `bin.000012` → 12 */
export function numberOf(file: string): number {
  return Number(/\.(\d+)$/.exec(file)?.[1] ?? 0);
}

/** A place as one number, so that places of one server can be compared. No file is that long. */
export function placeNumber({ file, position }: BinlogPlace): bigint {
  return (BigInt(numberOf(file)) << 40n) + BigInt(position);
}

/** `bin.000012:4711` */
export function placeText({ file, position }: BinlogPlace): string {
  return `${file}:${position}`;
}

/** @throws RangeError for anything else than {@link placeText} gives */
export function parsePlace(text: string): BinlogPlace {
  const [, file, position] = /^(.+\.\d+):(\d+)$/.exec(text) ?? [];
  if (file === undefined) throw new RangeError(`no place in a binary log: ${text}`);
  return { file, position: Number(position) };
}

/** `0-1-4711` */
export function gtidText({ domain, server, sequence }: Gtid): string {
  return `${domain}-${server}-${sequence}`;
}

/** @throws RangeError for anything else than {@link gtidText} gives */
export function parseGtid(text: string): Gtid {
  const [, domain, server, sequence] = /^(\d+)-(\d+)-(\d+)$/.exec(text.trim()) ?? [];
  if (sequence === undefined) throw new RangeError(`no GTID: ${text}`);
  return { domain: Number(domain), server: Number(server), sequence: BigInt(sequence) };
}

/** One of each domain, `0-1-4711,7-2-12`; sorted, so that two of them can be compared. */
export function gtidsText(gtids: Iterable<Gtid>): string {
  return [...gtids]
    .toSorted((one, other) => one.domain - other.domain)
    .map(gtidText)
    .join(',');
}

/** @throws RangeError */
export function parseGtids(text: string): Gtid[] {
  return text.trim() === '' ? [] : text.split(',').map(parseGtid);
}
