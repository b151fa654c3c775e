import { randomUUID } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { HozenError, pointText, type ReachedPoint, type RecoveryPoint } from '@hozen/contracts';
import {
  connectMariadb,
  findMariadbTool,
  runTool,
  type AnsweringMariadb,
  type Flavour,
  type PrivateMariadb,
} from '@hozen/dbms';
import { inSpan } from '@hozen/telemetry';
import { kindOf } from '../artefact/manifest.js';
import { ArtefactFile, corrupt } from '../artefact/artefact-file.js';
import type { AttemptContext } from '../job.js';
import { gtidsText, numberOf, parseGtids, placeText } from '../methods/mariadb-binlog/binlog-place.js';
import {
  BinlogFormatError,
  BinlogReader,
  type BinlogGroup,
  type BinlogPlace,
  type Gtid,
} from '../methods/mariadb-binlog/binlog-reader.js';
import { BINLOG_STREAM } from '../methods/mariadb-binlog/copy-binlogs.js';
import { loadMariadb } from '../restore/load-mariadb.js';
import { dropOwnUser, makeOwnUser, ownUserName } from '../restore/own-user.js';
import type { CommittedArtefact } from '../storage/committed-artefact.js';
import { startOnCopy } from '../verification/copied-mariadb.js';
import { beyond, type IsBeyond } from './binlog-stop.js';
import { instantText } from './instant.js';

export interface BinlogRecovery extends Pick<AttemptContext, 'signal' | 'progress'> {
  /** Files of the copy, brought to one moment, that a server may be started on. */
  directory: string;
  copy: CommittedArtefact;
  /** In order, none missing between. */
  logs: readonly CommittedArtefact[];
  point: RecoveryPoint;
  /** A folder for one file of the log at a time, and for what the server says. */
  scratch: string;
}

/** What has been replayed. */
interface Reached extends BinlogPlace {
  gtids: Map<number, Gtid>;
  /** Seconds since 1970. */
  at?: number;
}

/** A file of the log, put ready to be printed: from where, and up to where where that is not its end. */
interface Piece {
  path: string;
  from?: number;
  upTo?: number;
}

/**
 * Replays binary logs over a restored copy, up to a point: a server that nobody else reaches executes them, transaction by transaction, and
 * is stopped again.
 * @throws HozenError RECOVERY_FAILED with the words of the server, ARTEFACT_MISSING, ARTEFACT_CORRUPT, of the STORAGE_ codes
 */
export async function replayBinlogs(recovery: BinlogRecovery): Promise<ReachedPoint> {
  const { directory, copy, logs, scratch, signal, point } = recovery;
  return inSpan('replay log', { attributes: { 'file.path': directory, 'hozen.logs': logs.length } }, async () => {
    const { binlog } = copy.manifest.mariadb ?? {};
    if (!binlog) throw corrupt(copy.path, 'it does not say where in the binary log it lies');
    const gtids = parseGtids(binlog.gtid ?? '');
    const reached: Reached = { ...binlog, gtids: new Map(gtids.map((gtid) => [gtid.domain, gtid])) };
    try {
      await using server = await startOnCopy(directory, copy, recovery, { logFile: join(scratch, 'replay.log') });
      const address = await ownUser(server);
      await loadMariadb(address, script(recovery, reached, beyond(point, gtids)), signal);
      await dropOwnUser(address);
      await server.stop();
    } catch (error) {
      throw signal.aborted ? signal.reason : asRecoveryError(error, point);
    }
    return {
      ...(reached.at === undefined ? {} : { lastTransactionAt: instantText(BigInt(reached.at) * 1_000_000n) }),
      position: placeText(reached),
      ...(reached.gtids.size === 0 ? {} : { gtids: gtidsText(reached.gtids.values()) }),
    };
  });
}

async function ownUser(server: PrivateMariadb): Promise<AnsweringMariadb> {
  await using client = await connectMariadb(server.address());
  // Awaited here: the client must outlive it.
  return await makeOwnUser(client, ownUserName(randomUUID()));
}

/** One session executes everything: what is temporary in one file may be used in the next. */
async function* script(recovery: BinlogRecovery, reached: Reached, isBeyond: IsBeyond): AsyncGenerator<Buffer> {
  const { logs, copy, signal, progress } = recovery;
  const expectedBytes = logs.reduce((sum, { originalBytes }) => sum + originalBytes, 0);
  let bytes = 0;
  const onBytes = (more: number) => progress({ phase: 'replaying', bytes: (bytes += more), expectedBytes });
  onBytes(0);
  const kind = kindOf(copy.manifest);
  const { path } = await findMariadbTool('binlog', kind);
  for (const log of logs) {
    await using file = await ArtefactFile.open(log);
    for (const { name } of file.index.streams.filter((each) => each.name.startsWith(BINLOG_STREAM.before))) {
      const binlog = name.slice(BINLOG_STREAM.before.length, -BINLOG_STREAM.after.length);
      if (numberOf(binlog) < numberOf(copy.manifest.mariadb?.binlog?.file ?? '')) continue;
      const piece = await stage(recovery, file, binlog, { reached, isBeyond, onBytes });
      yield* printed({ path, flavour: kind.flavour }, piece, signal);
      await rm(piece.path);
      if (piece.upTo !== undefined) return;
    }
  }
}

/** Puts a file of the log ready, and looks where the point lies in it. */
async function stage(
  { scratch, copy, signal }: BinlogRecovery,
  file: ArtefactFile,
  name: string,
  { reached, isBeyond, onBytes }: { reached: Reached; isBeyond: IsBeyond; onBytes: (bytes: number) => void },
): Promise<Piece> {
  const { binlog } = copy.manifest.mariadb ?? {};
  // A name of ours: that of the log may be anything.
  const piece: Piece = { path: join(scratch, 'binlog') };
  const from = name === binlog?.file ? binlog.position : 0;
  if (from > 0) piece.from = from;
  const inCopy = new Map<number, Gtid>();
  let isCut = false;
  const reader = new BinlogReader((group) => {
    const { gtid } = group;
    if (group.start < from) {
      if (gtid) inCopy.set(gtid.domain, gtid);
      isCut ||= group.end > from;
    } else if (piece.upTo === undefined && isBeyond(name, group)) {
      piece.upTo = group.start;
    } else if (piece.upTo === undefined) {
      ensurePrintable(group);
      if (gtid) reached.gtids.set(gtid.domain, gtid);
      reached.at = Math.max(reached.at ?? 0, group.at);
      Object.assign(reached, { file: name, position: group.end });
    }
  });
  const read = async function* () {
    for await (const chunk of file.read(file.stream(BINLOG_STREAM.before + name + BINLOG_STREAM.after))) {
      reader.push(chunk);
      onBytes(chunk.length);
      yield chunk;
    }
  };
  try {
    await pipeline(read(), createWriteStream(piece.path, { mode: 0o600 }), { signal });
    reader.end();
  } catch (error) {
    if (!(error instanceof BinlogFormatError)) throw error;
    throw corrupt(file.path, `${name}: ${error.message}`);
  }
  if (from > 0) ensureSameHistory(new Map([...reader.before, ...inCopy]), isCut, copy);
  return piece;
}

/**
 * mariadb-binlog and mysqlbinlog write the names of tables into comments, and that of the default database behind the client's command `use`, each as it is: what follows
 * a line feed in it would be executed, whoever was allowed to give such a name.
 */
function ensurePrintable({ brokenName, isPayload, gtid, start }: BinlogGroup): void {
  const where = gtid ? `GTID ${gtidsText([gtid])}` : `at ${start}`;
  if (isPayload)
    throw new RangeError(`a transaction is compressed (${where}), and it is not known which names are in it`);
  if (brokenName === undefined) return;
  const name = JSON.stringify(brokenName);
  throw new RangeError(`the name ${name} has a line feed, and what follows that would be executed (${where})`);
}

/** Files of another history may bear the same names: what lies before the copy in the log must be what the copy has. */
function ensureSameHistory(gtids: ReadonlyMap<number, Gtid>, isCut: boolean, { manifest }: CommittedArtefact): void {
  const { file = '', position = 0, gtid = '' } = manifest.mariadb?.binlog ?? {};
  const isSame = parseGtids(gtid).every((one) => {
    const other = gtids.get(one.domain);
    // Of a replica that keeps no log of what it replicates, the copy has GTIDs that are not in the log.
    return !other || other.server !== one.server || other.sequence === one.sequence;
  });
  if (isSame && !isCut) return;
  throw new RangeError(`the log has ${gtidsText(gtids.values())} at ${file}:${position}, and the copy ${gtid}`);
}

/** Whoever replays has GTIDs of its own. Those of MariaDB are out of order, where several servers write into one domain. */
const GTIDS: Readonly<Record<Flavour, string>> = {
  mariadb: '--loose-skip-gtid-strict-mode',
  mysql: '--skip-gtids',
};

async function* printed(
  { path, flavour }: { path: string; flavour: Flavour },
  { path: file, from, upTo }: Piece,
  signal: AbortSignal,
): AsyncGenerator<Buffer> {
  if (upTo !== undefined && upTo <= (from ?? 0)) return;
  const args = [
    '--no-defaults',
    '--verify-binlog-checksum',
    GTIDS[flavour],
    ...(from === undefined ? [] : [`--start-position=${from}`]),
    ...(upTo === undefined ? [] : [`--stop-position=${upTo}`]),
    file,
  ];
  const { stdout, done } = runTool({ path, args, sandbox: { reads: [file] }, signal });
  for await (const chunk of stdout) yield chunk as Buffer;
  await done;
}

function asRecoveryError(error: unknown, point: RecoveryPoint): unknown {
  const isOurs = error instanceof HozenError && !['TOOL_FAILED', 'CONTENT_DIFFERS', 'INTERNAL'].includes(error.code);
  if (isOurs || !(error instanceof HozenError || error instanceof RangeError)) return error;
  const detail = error instanceof HozenError ? (error.detail ?? error.message) : error.message;
  return new HozenError('RECOVERY_FAILED', { point: pointText(point) }, { detail, cause: error });
}
