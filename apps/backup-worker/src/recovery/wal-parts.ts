import { parseLsn, walFileName } from '@hozen/dbms';
import type { ManifestWal } from '../artefact/manifest.js';
import { pieceName } from '../methods/postgres-wal/log-pieces.js';

/** A part of a WAL file: the stream that has it, and where in the file it goes. */
export interface WalPart {
  file: string;
  stream: string;
  offset: number;
}

/** What a log has of the server's WAL files, in order. @param from files that end before are of no use */
export function partsOf({ ranges, segmentBytes }: ManifestWal, from: bigint): WalPart[] {
  const segment = BigInt(segmentBytes);
  const first = (from / segment) * segment;
  const parts: WalPart[] = [];
  for (const { timeline, startLsn, endLsn } of ranges) {
    for (let lsn = parseLsn(startLsn); lsn < parseLsn(endLsn); lsn = (lsn / segment + 1n) * segment) {
      if (lsn < first) continue;
      const file = walFileName(timeline, lsn, segmentBytes);
      parts.push({ file, stream: pieceName(timeline, lsn, segmentBytes), offset: Number(lsn % segment) });
    }
  }
  return parts;
}

/** `wal/00000002.history` */
export function isHistory(stream: string): boolean {
  return /^wal\/[0-9A-F]{8}\.history$/.test(stream);
}
