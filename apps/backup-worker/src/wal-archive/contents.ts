import { formatLsn } from '@hozen/dbms';
import type { WalArchive } from './wal-archive.js';
import { numberOf, startOfSegment, type WalName } from './wal-name.js';

/** WAL of a timeline, none missing between. */
export interface WalStretch {
  timeline: number;
  first: string;
  last: string;
  segments: number;
  fromLsn: string;
  toLsn: string;
}

/** WAL that is not there, although there is some before and after it. What happened in it cannot be brought back. */
export interface ArchiveGap {
  timeline: number;
  /** The segment before, and the one after. */
  after: string;
  before: string;
  missing: number;
  fromLsn: string;
  toLsn: string;
}

/** What a receiver has of a file that the server still writes. */
export interface GrowingFile {
  timeline: number;
  name: string;
  toLsn: string;
  at: string;
}

export interface ArchiveContents {
  location: string;
  systemIdentifier: string | undefined;
  segmentBytes: number | undefined;
  stretches: WalStretch[];
  gaps: ArchiveGap[];
  histories: string[];
  growing: GrowingFile[];
}

/** What an archive holds, by the names of its files. */
export async function contentsOf(archive: WalArchive): Promise<ArchiveContents> {
  const contents: ArchiveContents = {
    location: archive.location,
    systemIdentifier: await archive.systemIdentifier(),
    segmentBytes: undefined,
    stretches: [],
    gaps: [],
    histories: [],
    growing: [],
  };
  for await (const name of archive.names()) {
    if (name.kind === 'history') contents.histories.push(name.name);
    if (name.kind === 'live') contents.growing.push(...(await growing(archive, name, contents.segmentBytes)));
    if (name.kind !== 'segment') continue;
    // They are all of one size: that of the first one that is looked into.
    contents.segmentBytes ??= (await archive.inspect(name))?.bytes;
    addSegment(contents, name.name, name.timeline, contents.segmentBytes ?? 0);
  }
  return contents;
}

/** @param segmentBytes undefined where there is no whole file yet */
async function growing(
  archive: WalArchive,
  { name, kind, timeline }: WalName,
  segmentBytes: number | undefined,
): Promise<GrowingFile[]> {
  const header = await archive.inspect({ name, kind, timeline });
  const file = name.slice(0, 24);
  if (!header || segmentBytes === undefined) return [];
  const toLsn = formatLsn(startOfSegment(file, segmentBytes) + BigInt(header.bytes));
  return [{ timeline, name: file, toLsn, at: header.archivedAt }];
}

function addSegment({ stretches, gaps }: ArchiveContents, name: string, timeline: number, bytes: number): void {
  const start = startOfSegment(name, bytes);
  const toLsn = formatLsn(start + BigInt(bytes));
  const stretch = stretches.at(-1);
  if (stretch?.timeline === timeline) {
    const missing = Number(numberOf(name, bytes) - numberOf(stretch.last, bytes)) - 1;
    if (missing === 0) {
      Object.assign(stretch, { last: name, segments: stretch.segments + 1, toLsn });
      return;
    }
    gaps.push({
      timeline,
      after: stretch.last,
      before: name,
      missing,
      fromLsn: stretch.toLsn,
      toLsn: formatLsn(start),
    });
  }
  stretches.push({ timeline, first: name, last: name, segments: 1, fromLsn: formatLsn(start), toLsn });
}
