import { readFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { HozenError } from '@hozen/contracts';
import { formatLsn } from '@hozen/dbms';
import { startOfSegment, walNameOf, type WalName } from './wal-name.js';

/** Everything is held in memory for a moment: larger segments are taken by logs, as a stream. */
export const LARGEST_SEGMENT = 256 * 1024 * 1024;

/** XLogLongPageHeaderData (access/xlog_internal.h), the beginning of every segment. */
const LONG_HEADER = { info: 2, timeline: 4, address: 8, system: 24, segmentBytes: 32, bytes: 40 } as const;
const IS_LONG = 0x02;

/** The cluster that wrote a segment, from its beginning. */
export function systemIn(content: Buffer): string {
  return String(content.readBigUInt64LE(LONG_HEADER.system));
}

/** Bytes of the whole segment, from its beginning. */
export function segmentBytesIn(content: Buffer): number {
  return content.readUInt32LE(LONG_HEADER.segmentBytes);
}

/** A file that a server wants archived. */
export interface WalSource {
  name: WalName;
  content: Buffer;
  /** Of the cluster that wrote it; undefined where neither it nor a data directory around it tells. */
  systemIdentifier: string | undefined;
}

/**
 * Reads a file of pg_wal, and looks whether it is what its name says: a server that was told the wrong path, or a file
 * that is cut off, must not become the WAL of that name.
 * @throws HozenError WAL_INVALID, FILE_UNREADABLE
 */
export async function readWalSource(path: string): Promise<WalSource> {
  const name = walNameOf(basename(path));
  if (!name || name.kind === 'live') throw invalid(path, 'the name is none of a WAL file');
  const content = await readFile(path).catch((cause: NodeJS.ErrnoException) => {
    throw new HozenError('FILE_UNREADABLE', { path }, { cause, detail: cause.code ?? cause.message });
  });
  if (content.length > LARGEST_SEGMENT) throw invalid(path, `it is larger than ${LARGEST_SEGMENT} bytes`);
  if (name.kind === 'segment' || name.kind === 'partial') {
    return { name, content, systemIdentifier: systemOf(path, name, content) };
  }
  if (content.length === 0) throw invalid(path, 'it is empty');
  return { name, content, systemIdentifier: await clusterAround(path) };
}

/** The identifier in the first page, after everything there was found right. */
function systemOf(path: string, { name, timeline }: WalName, content: Buffer): string {
  if (content.length < LONG_HEADER.bytes) throw invalid(path, 'it is cut off');
  if (!(content.readUInt16LE(LONG_HEADER.info) & IS_LONG)) throw invalid(path, 'it does not begin like WAL');
  const segmentBytes = content.readUInt32LE(LONG_HEADER.segmentBytes);
  if (segmentBytes !== content.length) {
    throw invalid(path, `it has ${content.length} bytes, and segments have ${segmentBytes}`);
  }
  const expected = startOfSegment(name, segmentBytes);
  const address = content.readBigUInt64LE(LONG_HEADER.address);
  if (address !== expected) {
    throw invalid(path, `it begins at ${formatLsn(address)} instead of ${formatLsn(expected)}`);
  }
  // The first segment of a timeline begins with what the one before had written into it.
  const written = content.readUInt32LE(LONG_HEADER.timeline);
  if (written > timeline) throw invalid(path, `it is of timeline ${written}`);
  return systemIn(content);
}

/** The server runs the command in its data directory; by hand the file itself lies in one. */
async function clusterAround(path: string): Promise<string | undefined> {
  for (const directory of [process.cwd(), join(dirname(path), '..')]) {
    const control = await readFile(join(directory, 'global/pg_control')).catch(() => undefined);
    if (control && control.length >= 8) return String(control.readBigUInt64LE(0));
  }
  return undefined;
}

function invalid(path: string, detail: string): HozenError {
  return new HozenError('WAL_INVALID', { path }, { detail });
}
