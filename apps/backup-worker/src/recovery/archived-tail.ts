import { formatLsn, parseLsn, walFileName } from '@hozen/dbms';
import { HozenError } from '@hozen/contracts';
import { loadCrc32c } from '../artefact/crc32c.js';
import { WalReader } from '../methods/postgres-wal/wal-reader.js';
import type { CommittedArtefact } from '../storage/committed-artefact.js';
import { WalArchive, type ArchiveSpec } from '../wal-archive/wal-archive.js';
import { startOfSegment, walNameOf } from '../wal-archive/wal-name.js';

/** WAL that was archived or received after the last log. */
export interface ArchivedTail {
  /** WAL files, in order, none missing between. The first one has all that the last log has of it. */
  files: readonly string[];
  /** Where the first one begins. */
  start: bigint;
  segmentBytes: number;
  /** Of one of them; what is not written yet is zeros. @throws HozenError ARTEFACT_MISSING, ARTEFACT_CORRUPT, of the storage */
  read(file: string): Promise<Buffer>;
}

/**
 * Looks what the WAL archive of a log's config has beyond the log, on its timeline.
 * @returns undefined where there is nothing
 * @throws HozenError of the storage: who asks for the latest must not be given less without a word
 */
export async function archivedTail(spec: ArchiveSpec, lastLog: CommittedArtefact): Promise<ArchivedTail | undefined> {
  const { wal, target } = lastLog.manifest;
  const last = wal?.ranges.at(-1);
  if (!wal || !last || !spec.walArchive) return undefined;
  const archive = await WalArchive.of(spec);
  if ((await archive.systemIdentifier()) !== target.systemIdentifier) return undefined;
  const end = parseLsn(last.endLsn);
  const files = await filesFrom(archive, last.timeline, end, wal.segmentBytes);
  if (files.length === 0) return undefined;
  const { segmentBytes } = wal;
  return {
    files,
    start: startOfSegment(files[0] ?? '', segmentBytes),
    segmentBytes,
    async read(file) {
      const name = walNameOf(file);
      const content = name && ((await archive.get(name)) ?? (await archive.shown(file)));
      if (content) return content;
      throw new HozenError('ARTEFACT_MISSING', { path: `${archive.location}: ${file} (${formatLsn(end)})` });
    },
  };
}

/** When the last transaction in it ended, where there is one; folders of tablespaces that it creates. */
export async function readTail(tail: ArchivedTail): Promise<Pick<WalReader, 'lastTransactionAt' | 'tablespaces'>> {
  const reader = new WalReader(tail.start, tail.segmentBytes, await loadCrc32c());
  for (const file of tail.files) {
    const content = await tail.read(file);
    try {
      reader.push(content);
    } catch (error) {
      // The last one may end in the middle of a record; what follows is zeros.
      if (!(error instanceof RangeError) || file !== tail.files.at(-1)) throw error;
    }
  }
  return reader;
}

async function filesFrom(archive: WalArchive, timeline: number, end: bigint, segmentBytes: number): Promise<string[]> {
  const first = walFileName(timeline, end, segmentBytes);
  const files: string[] = [];
  let place = startOfSegment(first, segmentBytes);
  // `.live` comes before `.wal`: it is hidden a moment after the file itself is there.
  for await (const { name, kind } of archive.names(first.slice(0, 8), `${first.slice(0, 16)}/${first}`)) {
    const expected = walFileName(timeline, place, segmentBytes);
    if (kind === 'segment') {
      if (name !== expected) break;
      files.push(name);
      place += BigInt(segmentBytes);
    } else if (kind === 'live' && name === `${expected}.live` && !(await archive.has(expected))) {
      const shown = (await archive.inspect({ name, kind, timeline }))?.bytes ?? 0;
      // What grows may be behind the log.
      if (place + BigInt(shown) > end) files.push(expected);
      break;
    }
  }
  return files;
}
