import { setTimeout as delay } from 'node:timers/promises';
import { HozenError, warningText } from '@hozen/contracts';
import { connect, formatLsn, parseLsn, sessionName, streamWal, type TargetClient } from '@hozen/dbms';
import { inSpan } from '@hozen/telemetry';
import type { ArtefactWriter } from '../../artefact/artefact-writer.js';
import type { ManifestWal, WalGap } from '../../artefact/manifest.js';
import type { AttemptContext, BackupJob } from '../../job.js';
import { instantText, parseInstant, type Instant } from '../../recovery/instant.js';
import { serverSummary, type DumpSummary } from '../dump-summary.js';
import { readRow } from '../read-row.js';
import { findArchived, takeArchived, type ArchivedWal } from './archived-wal.js';
import type { LogTarget } from './check-target.js';
import type { EarlierLog } from './earlier-log.js';
import { DROP_SLOT, WAL_END } from './log-facts.sql.js';
import { LogPieces } from './log-pieces.js';
import { ensureSlot } from './log-slot.js';
import { LOG_README } from './readme.js';
import { LOG_RESTORE_SCRIPT } from './restore-script.js';
import { asksForWal, historyOf, NoSuchWal, stopsAt, whyNotFrom, type Stop } from './turns.js';
import { WAL_PAGE_BYTES } from './wal-reader.js';

/** A server reads so many bytes at once. Begun at a multiple of it, it reads no piece that reaches into a file that is gone. */
const SENT_AT_ONCE = 131_072n;

const LOOK_EVERY_MS = 20;

/** Where a log begins, and what that means. */
interface Beginning {
  timeline: number;
  lsn: bigint;
  follows?: ManifestWal['follows'];
  gap?: WalGap;
  /** Is taken from the archive, before what the server still has. */
  archived?: ArchivedWal;
}

interface WalEnd {
  timeline: number;
  lsn: bigint;
  at: Date;
}

interface WalEndRow {
  timeline: number;
  lsn: string;
  inserted: string;
  at: Date;
  delay: number;
}

/**
 * Copies the WAL since the log before, up to where it ends now. What the server does not have any more, or what another
 * server has taken over from, is a gap: that is written down, and the log begins again with what there is.
 * @throws HozenError of the TARGET_ codes, and what the writer throws
 */
export async function copyLog(
  job: BackupJob,
  target: LogTarget,
  writer: ArtefactWriter,
  context: AttemptContext,
): Promise<DumpSummary> {
  return inSpan('copy log', { attributes: { 'hozen.target': job.target.name } }, async (span) => {
    const started = performance.now();
    const earlier = typeof target.earlier === 'string' ? undefined : target.earlier;
    const warnings =
      typeof target.earlier === 'string' ? [warningText('log.before-unreadable', { reason: target.earlier })] : [];
    const end = await walEnd(job, target);
    const log = await received({ job, target, writer, context, end, warnings }, earlier);
    if (log.gap) warnings.push(gapText(log.gap));
    span.setAttribute('hozen.gap', log.gap !== undefined);
    for (const warning of warnings) context.log.warn({ target: job.target.name }, warning);
    await writer.addFile('README.txt', LOG_README);
    await writer.addFile('restore.sh', LOG_RESTORE_SCRIPT, 0o700);
    await writer.addFile('log.txt', `segment_bytes ${target.segmentBytes}\n`);
    const seconds = (performance.now() - started) / 1000;
    return summaryOf(target, log, [...warnings, ...target.warnings], writer, seconds);
  });
}

function gapText({ fromLsn, from, toLsn, reason }: WalGap): string {
  return warningText('log.gap-wal', { reason, from, fromLsn, toLsn });
}

interface Copying {
  job: BackupJob;
  target: LogTarget;
  writer: ArtefactWriter;
  context: AttemptContext;
  end: WalEnd;
  warnings: string[];
}

async function received(copying: Copying, earlier: EarlierLog | undefined): Promise<ManifestWal> {
  const { target, end } = copying;
  const other = earlier && earlier.manifest.target.systemIdentifier !== target.facts.systemIdentifier;
  const last = earlier?.wal.ranges.at(-1);
  if (earlier && last && !other) {
    const lsn = pageOf(parseLsn(earlier.wal.wholeUntilLsn));
    const behind = last.timeline === end.timeline && lsn > end.lsn;
    const follows = { runId: earlier.manifest.runId };
    try {
      if (behind) throw new NoSuchWal('the server is behind it: it was set back');
      const stop = await stopsAt(target, last.timeline, end.timeline, sessionOf(copying.job));
      // What there is until then is taken first; the next log finds nothing more, and tells of the gap.
      if (stop && stop.lsn <= parseLsn(last.endLsn)) throw new NoSuchWal(stop.reason);
      const start = stop ? (lsn / SENT_AT_ONCE) * SENT_AT_ONCE : lsn;
      const from = { timeline: last.timeline, lsn: start, follows };
      return await copyFrom(copying, from, stop && { ...stop, upTo: earlier.wal.upTo });
    } catch (error) {
      if (!(error instanceof NoSuchWal)) throw error;
      const archived = behind ? undefined : await archivedSince(copying, last.timeline, lsn);
      if (!archived) return copyFrom(copying, await anew(copying, earlier, error.message));
      const from = { timeline: last.timeline, lsn, follows, archived: archived.wal };
      return copyFrom(copying, from, archived.stop && { ...archived.stop, upTo: earlier.wal.upTo });
    }
  }
  return copyFrom(copying, await anew(copying, earlier, 'the server is another cluster'));
}

/** What the server has no more, where it has archived it; and where that and the server's own end without meeting. */
async function archivedSince(
  { job, target, end, warnings }: Copying,
  timeline: number,
  from: bigint,
): Promise<{ wal: ArchivedWal; stop: Pick<Stop, 'timeline' | 'lsn'> | undefined } | undefined> {
  // Of a timeline that is over, an old primary may have archived what never became part of this one.
  if (timeline !== end.timeline) return undefined;
  const wal = await findArchived(job, target, { timeline, from, until: end.lsn });
  if (wal === undefined) return undefined;
  if (typeof wal === 'string') {
    warnings.push(warningText('log.archive-short', { reason: wal }));
    return undefined;
  }
  const [first, last] = [formatLsn(from), formatLsn(wal.end)];
  warnings.push(warningText('log.from-archive', { first, last }));
  const meets = wal.end === end.lsn || !(await whyNotFrom(target.address, timeline, wal.end, sessionOf(job)));
  return { wal, stop: meets ? undefined : { timeline, lsn: wal.end } };
}

/** Begins with the oldest WAL that is held. */
async function anew(copying: Copying, earlier: EarlierLog | undefined, reason: string): Promise<Beginning> {
  const { job, target, end } = copying;
  const firstOf = (place: bigint) => (place / BigInt(target.segmentBytes)) * BigInt(target.segmentBytes);
  let lsn = firstOf(target.heldFrom);
  const isThere = lsn <= end.lsn && !(await whyNotFrom(target.address, end.timeline, lsn, sessionOf(job)));
  if (!isThere) {
    // What the slot held is gone with the server that was set back, or with another timeline.
    await using client = await connect(target.address, sessionOf(job));
    await client.query(DROP_SLOT, [target.slot]);
    lsn = firstOf(await ensureSlot(client, target.slot));
  }
  if (!earlier) return firstAfterCopy(copying, lsn);
  const { wholeUntilLsn: fromLsn, upTo: from } = earlier.wal;
  return { timeline: end.timeline, lsn, gap: { fromLsn, from, toLsn: formatLsn(lsn), reason } };
}

/**
 * The first log of all goes on from the copy that is there, where the server still has its WAL since then: nothing
 * leads on from that copy otherwise, and a new one is needed.
 */
async function firstAfterCopy({ job, target, end, context }: Copying, lsn: bigint): Promise<Beginning> {
  const { timeline } = end;
  const copy = await context.lineage.copyWithoutLog();
  if (copy?.systemIdentifier !== target.facts.systemIdentifier) return { timeline, lsn };
  const wanted = (parseLsn(copy.endLsn) / BigInt(target.segmentBytes)) * BigInt(target.segmentBytes);
  const isSame = copy.timeline === timeline;
  if (isSame && lsn <= wanted) return { timeline, lsn };
  const why = isSame
    ? await whyNotFrom(target.address, timeline, wanted, sessionOf(job))
    : `the server is on timeline ${timeline}, the copy on ${copy.timeline}`;
  if (why === undefined) return { timeline, lsn: wanted };
  const reason = `this is the first log, and the newest copy ended before it (${why})`;
  return { timeline, lsn, gap: { fromLsn: copy.endLsn, from: copy.at, toLsn: formatLsn(lsn), reason } };
}

/**
 * Through all timelines that lie between.
 * @param until where the server has no more; then nothing is known of commits after the log before, but for those in this one
 */
async function copyFrom(
  { job, target, writer, context, end }: Copying,
  from: Beginning,
  until?: Pick<Stop, 'timeline' | 'lsn'> & { upTo: string },
): Promise<ManifestWal> {
  await using client = await connect(target.address, { ...sessionOf(job), replication: true });
  const pieces = await LogPieces.into(writer, target.segmentBytes, from.lsn);
  const expectedBytes = Number(end.lsn - from.lsn);
  let bytes = 0;
  let { timeline, lsn } = from;
  const took = (more: number) => context.progress({ phase: 'dumping', bytes: (bytes += more), expectedBytes });
  for (;;) {
    pieces.begin(timeline, lsn);
    if (from.archived && timeline === from.timeline) {
      await takeArchived(from.archived, target.segmentBytes, pieces, { signal: context.signal, onBytes: took });
      lsn = from.archived.end;
    }
    const stop = timeline === until?.timeline ? until.lsn : timeline === end.timeline ? end.lsn : LAST;
    const options = { slot: target.slot, timeline, start: lsn, stop };
    const streamed = await asksForWal(() =>
      streamWal(
        client,
        options,
        (wal) => {
          took(wal.length);
          return pieces.push(wal);
        },
        context.signal,
      ),
    ).catch((error: unknown) => {
      throw error instanceof NoSuchWal && bytes > 0 ? wentMeanwhile(target, error) : error;
    });
    await pieces.end();
    if (!streamed.next) break;
    ({ timeline } = streamed.next);
    lsn = (streamed.next.from / BigInt(target.segmentBytes)) * BigInt(target.segmentBytes);
  }
  if (timeline > 1) await addHistory(client, writer, timeline);
  const { ranges, records, lastTransactionAt, restorePoints, tablespaces } = pieces;
  return {
    segmentBytes: target.segmentBytes,
    ranges,
    wholeUntilLsn: formatLsn(pieces.wholeUntil),
    records,
    upTo: until ? latestOf(until.upTo, lastTransactionAt) : end.at.toISOString(),
    ...(lastTransactionAt === undefined ? {} : { lastTransactionAt: instantText(lastTransactionAt) }),
    restorePoints,
    tablespaces,
    ...(from.follows ? { follows: from.follows } : {}),
    ...(from.gap ? { gap: from.gap } : {}),
  };
}

/** What was taken stands in the artefact for good: the next attempt makes another, and sees the gap before it begins. */
function wentMeanwhile({ address }: LogTarget, cause: NoSuchWal): HozenError {
  const { target, host, port, user } = address;
  return new HozenError('TARGET_CONNECTION_LOST', { target, host, port, user }, { detail: cause.message, cause });
}

/** The last commit that is there, where it is later than what is known already. */
function latestOf(upTo: string, lastTransactionAt: Instant | undefined): string {
  if (lastTransactionAt === undefined || lastTransactionAt < parseInstant(upTo)) return upTo;
  return instantText(lastTransactionAt);
}

function sessionOf(job: BackupJob): { applicationName: string } {
  return { applicationName: sessionName(job.runId, job.epoch) };
}

/** Beyond the end of any timeline that is over. */
const LAST = (1n << 64n) - 1n;

/** How the timeline came about: a server that follows it asks for this first. */
async function addHistory(client: TargetClient, writer: ArtefactWriter, timeline: number): Promise<void> {
  const history = await historyOf(client, timeline);
  if (history) await writer.addFile(`wal/${history.name}`, history.content);
}

/**
 * Where the WAL ends that is on the server's disk. Commits that the server reported before it wrote them follow soon:
 * they are waited for, so that nothing is missing that was committed until then.
 */
async function walEnd(job: BackupJob, { address }: LogTarget): Promise<WalEnd> {
  await using client = await connect(address, { applicationName: sessionName(job.runId, job.epoch) });
  const look = async () => {
    const row = await readRow<WalEndRow>(client, WAL_END);
    return { ...row, lsn: parseLsn(row.lsn), inserted: parseLsn(row.inserted) };
  };
  const first = await look();
  let last = first;
  // Longer than that no commit waits; what is not written then is no commit.
  const deadline = performance.now() + 3 * first.delay;
  while (last.lsn < first.inserted && performance.now() < deadline) {
    await delay(LOOK_EVERY_MS);
    last = await look();
  }
  return { timeline: last.timeline, lsn: last.lsn, at: first.at };
}

function pageOf(lsn: bigint): bigint {
  return (lsn / BigInt(WAL_PAGE_BYTES)) * BigInt(WAL_PAGE_BYTES);
}

function summaryOf(
  { facts }: LogTarget,
  wal: ManifestWal,
  warnings: string[],
  { originalBytes }: ArtefactWriter,
  seconds: number,
): DumpSummary {
  return {
    format: 'hozen-postgres-wal',
    originalBytes,
    databases: [],
    tables: 0,
    tablespaces: [],
    warnings,
    wal,
    server: serverSummary(facts),
    contents: [],
    seconds,
    megabytesPerSecond: originalBytes / 1e6 / Math.max(seconds, 0.001),
  };
}
