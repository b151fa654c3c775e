/** A place in WAL: `16/B374D848` as PostgreSQL writes it. @throws RangeError */
export function parseLsn(text: string): bigint {
  const [, high, low] = /^([0-9A-F]{1,8})\/([0-9A-F]{1,8})$/i.exec(text) ?? [];
  if (high === undefined || low === undefined) throw new RangeError(`not a place in WAL: ${text}`);
  return (BigInt(`0x${high}`) << 32n) | BigInt(`0x${low}`);
}

export function formatLsn(lsn: bigint): string {
  const hex = (half: bigint) => half.toString(16).toUpperCase();
  return `${hex(lsn >> 32n)}/${hex(lsn & 0xffffffffn)}`;
}

/** Name of the WAL file that holds a place: timeline, and the number of the segment in two halves. */
export function walFileName(timeline: number, lsn: bigint, segmentBytes: number): string {
  const perHalf = 0x1_0000_0000n / BigInt(segmentBytes);
  const segment = lsn / BigInt(segmentBytes);
  const hex = (value: bigint) => value.toString(16).toUpperCase().padStart(8, '0');
  return hex(BigInt(timeline)) + hex(segment / perHalf) + hex(segment % perHalf);
}
