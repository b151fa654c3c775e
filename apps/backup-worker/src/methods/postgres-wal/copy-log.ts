import { setTimeout as delay } from 'node:timers/promises';
import { HozenError } from '@hozen/contracts';
import { asTargetError, connect, formatLsn, parseLsn, sessionName, streamWal, type TargetClient } from '@hozen/dbms';
import { inSpan } from '@hozen/telemetry';
import type { ArtefactWriter } from '../../artefact/artefact-writer.js';
import type { ManifestWal, WalGap } from '../../artefact/manifest.js';
import type { AttemptContext, BackupJob } from '../../job.js';
import { instantText } from '../../recovery/instant.js';
import { serverSummary, type DumpSummary } from '../dump-summary.js';
import { readRow } from '../read-row.js';
import type { LogTarget } from './check-target.js';
import { findEarlierLog, type EarlierLog } from './earlier-log.js';
import { DROP_SLOT, WAL_END } from './log-facts.sql.js';
import { LogPieces } from './log-pieces.js';
import { ensureSlot } from './log-slot.js';
import { LOG_README } from './readme.js';
import { LOG_RESTORE_SCRIPT } from './restore-script.js';
import { WAL_PAGE_BYTES } from './wal-reader.js';

/** The server has no such WAL: it went, or it never had it. */
const FILE_MISSING = '58P01';
const NOT_ITS_HISTORY = /requested starting point|requested timeline|requested WAL segment/;

const LOOK_EVERY_MS = 20;

/** Where a log begins, and what that means. */
interface Beginning {
  timeline: number;
  lsn: bigint;
  follows?: ManifestWal['follows'];
  gap?: WalGap;
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
    const found = await findEarlierLog(job, context);
    const earlier = typeof found === 'string' ? undefined : found;
    const warnings =
      typeof found === 'string' ? [`The log before cannot be read, this one follows nothing: ${found}`] : [];
    const end = await walEnd(job, target);
    const log = await received({ job, target, writer, context, end }, earlier);
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
  return `There is a gap in the log: ${reason}. Points in time from ${from} (${fromLsn}) until the next full backup after ${toLsn} cannot be restored.`;
}

interface Copying {
  job: BackupJob;
  target: LogTarget;
  writer: ArtefactWriter;
  context: AttemptContext;
  end: WalEnd;
}

async function received(copying: Copying, earlier: EarlierLog | undefined): Promise<ManifestWal> {
  const { target, end } = copying;
  const other = earlier && earlier.manifest.target.systemIdentifier !== target.facts.systemIdentifier;
  const last = earlier?.wal.ranges.at(-1);
  if (earlier && last && !other) {
    const lsn = pageOf(parseLsn(earlier.wal.wholeUntilLsn));
    const behind = last.timeline === end.timeline && lsn > end.lsn;
    try {
      if (behind) throw new NoSuchWal('the server is behind it: it was set back');
      return await copyFrom(copying, { timeline: last.timeline, lsn, follows: { runId: earlier.manifest.runId } });
    } catch (error) {
      if (!(error instanceof NoSuchWal)) throw error;
      return copyFrom(copying, await anew(copying, earlier, error.message));
    }
  }
  return copyFrom(copying, await anew(copying, earlier, 'the server is another cluster'));
}

/** Begins with the oldest WAL that is held. */
async function anew(
  { job, target, end }: Copying,
  earlier: EarlierLog | undefined,
  reason: string,
): Promise<Beginning> {
  const segment = BigInt(target.segmentBytes);
  let { heldFrom } = target;
  if (heldFrom > end.lsn) {
    // Of a server that was set back: what it held is not there.
    await using client = await connect(target.address, { applicationName: sessionName(job.runId, job.epoch) });
    await client.query(DROP_SLOT, [target.slot]);
    heldFrom = await ensureSlot(client, target.slot);
  }
  const lsn = (heldFrom / segment) * segment;
  if (!earlier) return { timeline: end.timeline, lsn };
  const { wholeUntilLsn: fromLsn, upTo: from } = earlier.wal;
  return { timeline: end.timeline, lsn, gap: { fromLsn, from, toLsn: formatLsn(lsn), reason } };
}

/** Through all timelines that lie between. */
async function copyFrom({ job, target, writer, context, end }: Copying, from: Beginning): Promise<ManifestWal> {
  const applicationName = sessionName(job.runId, job.epoch);
  await using client = await connect(target.address, { applicationName, replication: true });
  const pieces = await LogPieces.into(writer, target.segmentBytes, from.lsn);
  const expectedBytes = Number(end.lsn - from.lsn);
  let bytes = 0;
  let { timeline, lsn } = from;
  for (;;) {
    pieces.begin(timeline, lsn);
    const options = { slot: target.slot, timeline, start: lsn, stop: timeline === end.timeline ? end.lsn : LAST };
    const took = await asksForWal(() =>
      streamWal(
        client,
        options,
        (wal) => {
          context.progress({ phase: 'dumping', bytes: (bytes += wal.length), expectedBytes });
          return pieces.push(wal);
        },
        context.signal,
      ),
    );
    await pieces.end();
    if (!took.next) break;
    ({ timeline } = took.next);
    lsn = (took.next.from / BigInt(target.segmentBytes)) * BigInt(target.segmentBytes);
  }
  if (timeline > 1) await addHistory(client, writer, timeline);
  const { ranges, records, lastTransactionAt, restorePoints, tablespaces } = pieces;
  return {
    segmentBytes: target.segmentBytes,
    ranges,
    wholeUntilLsn: formatLsn(pieces.wholeUntil),
    records,
    upTo: end.at.toISOString(),
    ...(lastTransactionAt === undefined ? {} : { lastTransactionAt: instantText(lastTransactionAt) }),
    restorePoints,
    tablespaces,
    ...(from.follows ? { follows: from.follows } : {}),
    ...(from.gap ? { gap: from.gap } : {}),
  };
}

/** Beyond the end of any timeline that is over. */
const LAST = (1n << 64n) - 1n;

class NoSuchWal extends Error {}

async function asksForWal<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const cause = error instanceof HozenError ? error.cause : undefined;
    const state = cause instanceof Error && 'code' in cause ? cause.code : undefined;
    const message = cause instanceof Error ? cause.message : '';
    if (state === FILE_MISSING || NOT_ITS_HISTORY.test(message)) throw new NoSuchWal(message, { cause: error });
    throw error;
  }
}

/** How the timeline came about: a server that follows it asks for this first. */
async function addHistory(client: TargetClient, writer: ArtefactWriter, timeline: number): Promise<void> {
  try {
    const { rows } = await client.query<{ filename: string; content: string | Buffer }>(`TIMELINE_HISTORY ${timeline}`);
    const [history] = rows;
    if (history) await writer.addFile(`wal/${history.filename}`, history.content);
  } catch (error) {
    throw asTargetError(error, client.address);
  }
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
