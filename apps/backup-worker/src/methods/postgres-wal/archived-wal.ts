import { asHozenError } from '@hozen/contracts';
import { formatLsn, walFileName } from '@hozen/dbms';
import type { BackupJob } from '../../job.js';
import { WalArchive } from '../../wal-archive/wal-archive.js';
import { walNameOf } from '../../wal-archive/wal-name.js';
import type { LogTarget } from './check-target.js';
import type { LogPieces } from './log-pieces.js';

/** WAL that the server has no more, but has archived: none is missing between. */
export interface ArchivedWal {
  archive: WalArchive;
  timeline: number;
  from: bigint;
  /** Where it ends: at the end of a file, or where it is of no use any more. */
  end: bigint;
}

/**
 * Looks how far the config's archive leads on from a place.
 * @param until further is of no use
 * @returns why there is none, where there is an archive; undefined where there is not
 */
export async function findArchived(
  { config }: Pick<BackupJob, 'config'>,
  { segmentBytes, facts }: Pick<LogTarget, 'segmentBytes' | 'facts'>,
  { timeline, from, until }: { timeline: number; from: bigint; until: bigint },
): Promise<ArchivedWal | string | undefined> {
  if (!config.walArchive) return undefined;
  try {
    const archive = await WalArchive.of(config);
    if (!archive.isReadable) return 'its files are encrypted, and the config names no identity';
    const owner = await archive.systemIdentifier();
    if (owner !== facts.systemIdentifier) return `it belongs to ${owner ?? 'no cluster yet'}`;
    const end = await contiguousEnd(archive, timeline, from, segmentBytes);
    if (end === undefined) return `it does not have ${walFileName(timeline, from, segmentBytes)}`;
    return { archive, timeline, from, end: end < until ? end : until };
  } catch (error) {
    return asHozenError(error).message;
  }
}

/** Puts it into the log, file by file. @throws HozenError ARTEFACT_CORRUPT, of the storage; RangeError where it is no WAL */
export async function takeArchived(
  { archive, timeline, from, end }: ArchivedWal,
  segmentBytes: number,
  pieces: LogPieces,
  { signal, onBytes }: { signal: AbortSignal; onBytes: (bytes: number) => void },
): Promise<void> {
  const bytes = BigInt(segmentBytes);
  for (let lsn = from; lsn < end;) {
    signal.throwIfAborted();
    const start = (lsn / bytes) * bytes;
    const name = walNameOf(walFileName(timeline, lsn, segmentBytes));
    const content = name && (await archive.get(name));
    if (!content) throw new Error(`the archive does not have WAL of ${formatLsn(lsn)} any more`);
    const last = end < start + bytes ? end : start + bytes;
    await pieces.push(content.subarray(Number(lsn - start), Number(last - start)));
    onBytes(Number(last - lsn));
    lsn = last;
  }
}

async function contiguousEnd(
  archive: WalArchive,
  timeline: number,
  from: bigint,
  segmentBytes: number,
): Promise<bigint | undefined> {
  const bytes = BigInt(segmentBytes);
  let next = (from / bytes) * bytes;
  const first = walFileName(timeline, next, segmentBytes);
  let end: bigint | undefined;
  for await (const { name, kind } of archive.names(first.slice(0, 8), `${first.slice(0, 16)}/${first.slice(0, 24)}`)) {
    if (kind !== 'segment') continue;
    if (name !== walFileName(timeline, next, segmentBytes)) break;
    end = next += bytes;
  }
  return end;
}
