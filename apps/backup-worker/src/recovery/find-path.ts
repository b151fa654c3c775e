import type { RecoverableRange, RecoveryPoint } from '@hozen/contracts';
import { parseLsn } from '@hozen/dbms';
import { parseGtid, parsePlace, placeNumber } from '../methods/mariadb-binlog/binlog-place.js';
import type { Gtid } from '../methods/mariadb-binlog/binlog-reader.js';
import { instantText, parseInstant } from './instant.js';
import type { CopyRange, LogRange, Ranges } from './ranges.js';

/** How a point is reached from a copy. */
export interface RecoveryPath {
  copy: CopyRange;
  /** In order, none missing between. */
  logs: LogRange[];
  /** What the server is told to stop at; nothing where it goes to the end of the logs. */
  stopAt?: Exclude<keyof RecoveryPoint, 'latest'>;
  /** It lies after the last log: whether the WAL archive reaches so far is seen when that is read. */
  beyond?: true;
}

/** The newest copy from which logs lead to the point. */
export function findPath({ copies, logs }: Ranges, point: RecoveryPoint): RecoveryPath | undefined {
  for (const copy of copies.toReversed()) {
    const path = pathFrom(copy, logs, point);
    if (path) return path;
  }
  return undefined;
}

/** From one copy. */
export function pathFrom(copy: CopyRange, logs: readonly LogRange[], point: RecoveryPoint): RecoveryPath | undefined {
  const chain = chainFrom(copy, logs);
  if (chain.length === 0) return undefined;
  if (point.time !== undefined) return toTime(copy, chain, point.time);
  if (point.lsn !== undefined) return toLsn(copy, chain, parseLsn(point.lsn));
  if (point.restorePoint !== undefined) return toName(copy, chain, point.restorePoint);
  if (point.gtid !== undefined) return toGtid(copy, chain, parseGtid(point.gtid));
  if (point.position !== undefined) return toLsn(copy, chain, placeNumber(parsePlace(point.position)), 'position');
  if (point.latest && endsAtBad(chain, logs)) return undefined;
  return { copy, logs: chain, ...(point.transaction === undefined ? {} : { stopAt: 'transaction' as const }) };
}

/** The moments that can be reached, oldest first: each range from a copy to the end of its logs, joined where they overlap. */
export function recoverable({ copies, logs }: Ranges): RecoverableRange[] {
  const found: { from: bigint; upTo: bigint }[] = [];
  for (const copy of copies) {
    const upTo = chainFrom(copy, logs).at(-1)?.upTo;
    if (upTo === undefined || upTo < copy.at) continue;
    const last = found.at(-1);
    if (last && copy.at <= last.upTo) last.upTo = upTo > last.upTo ? upTo : last.upTo;
    else found.push({ from: copy.at, upTo });
  }
  return found.map(({ from, upTo }) => ({ from: instantText(from), upTo: instantText(upTo) }));
}

/** The end of the chain is not the end of what was stored, unless the archive goes on from there. */
function endsAtBad(chain: readonly LogRange[], logs: readonly LogRange[]): boolean {
  const last = chain.at(-1);
  return !last?.stored.walArchive && logs.some(({ bad, follows }) => bad && follows === last?.runId);
}

/** The logs that lead on from a copy, up to one that is bad: of several ways the one that goes furthest. */
function chainFrom(copy: CopyRange, logs: readonly LogRange[]): LogRange[] {
  const following = new Map(logs.map((log) => [log.follows, log]));
  let furthest: LogRange[] = [];
  for (const head of logs.filter((log) => !log.bad && leadsOn(log, copy))) {
    const chain: LogRange[] = [];
    for (let next: LogRange | undefined = head; next && !next.bad; next = following.get(next.runId)) chain.push(next);
    if ((chain.at(-1)?.upTo ?? 0n) > (furthest.at(-1)?.upTo ?? 0n)) furthest = chain;
  }
  return furthest;
}

/** The copy brings its WAL along, but the last file of it may be cut off: that must be in the logs from its beginning. */
function leadsOn(log: LogRange, copy: CopyRange): boolean {
  const segment = BigInt(log.segmentBytes);
  const begin = (copy.endLsn / segment) * segment;
  const sameHistory = log.firstTimeline <= copy.timeline && copy.timeline <= log.timeline;
  return (
    log.system === copy.system && sameHistory && isOfTime(log, copy) && log.startLsn <= begin && begin <= log.endLsn
  );
}

/** Clocks of a server and of a worker that go differently. */
const SLACK = 600_000_000n;

/** After a reset the files of a binary log have the same numbers again. Then no file of this log was there when the copy was made. */
function isOfTime(log: LogRange, copy: CopyRange): boolean {
  if (copy.beginsAt === undefined) return true;
  return copy.beginsAt - SLACK <= log.upTo && (log.beginsAt === undefined || log.beginsAt <= copy.at + SLACK);
}

function toTime(copy: CopyRange, chain: LogRange[], text: string): RecoveryPath | undefined {
  const time = parseInstant(text);
  const last = chain.findIndex(({ upTo }) => upTo >= time);
  if (time < copy.at) return undefined;
  if (last < 0) return chain.at(-1)?.stored.walArchive ? { copy, logs: chain, beyond: true } : undefined;
  const logs = chain.slice(0, last + 1);
  // The server stops at the first transaction that ended later. Where there is none, the end is the same moment.
  const isBetween = logs.some(({ lastTransactionAt: at }) => at !== undefined && at > time);
  return { copy, logs, ...(isBetween ? { stopAt: 'time' as const } : {}) };
}

function toLsn(
  copy: CopyRange,
  chain: LogRange[],
  lsn: bigint,
  stopAt: 'lsn' | 'position' = 'lsn',
): RecoveryPath | undefined {
  const last = chain.findIndex(({ endLsn }) => endLsn >= lsn);
  if (lsn < copy.endLsn || last < 0) return undefined;
  // A server looks for the record that begins there or later.
  const isBetween = chain[last]?.endLsn !== lsn;
  return { copy, logs: chain.slice(0, last + 1), ...(isBetween ? { stopAt } : {}) };
}

/** The numbers of a domain only grow. */
function toGtid(copy: CopyRange, chain: LogRange[], { domain, sequence }: Gtid): RecoveryPath | undefined {
  const numberIn = (gtids: readonly Gtid[]) => gtids.find((each) => each.domain === domain)?.sequence ?? 0n;
  const last = chain.findIndex(({ gtids }) => numberIn(gtids) >= sequence);
  if (sequence < numberIn(copy.gtids) || last < 0) return undefined;
  return { copy, logs: chain.slice(0, last + 1), stopAt: 'gtid' };
}

/** The first one of this name after the copy: there the server stops. */
function toName(copy: CopyRange, chain: LogRange[], wanted: string): RecoveryPath | undefined {
  const last = chain.findIndex(({ restorePoints }) =>
    restorePoints.some(({ name, lsn }) => name === wanted && parseLsn(lsn) > copy.endLsn),
  );
  return last < 0 ? undefined : { copy, logs: chain.slice(0, last + 1), stopAt: 'restorePoint' };
}
