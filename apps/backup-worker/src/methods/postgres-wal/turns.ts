import { HozenError } from '@hozen/contracts';
import { asTargetError, connect, parseLsn, streamWal, type ConnectOptions, type TargetClient } from '@hozen/dbms';
import type { LogTarget } from './check-target.js';

/** A timeline that is over, and where it ended. */
export interface Turn {
  timeline: number;
  endLsn: bigint;
}

/** The server has no such WAL: it went, or it never had it. */
const FILE_MISSING = '58P01';
const NOT_ITS_HISTORY = /requested starting point|requested timeline|requested WAL segment/;

/** There is a gap, and this is why. */
export class NoSuchWal extends Error {}

/** @throws NoSuchWal where the server does not have the WAL that is asked for; what else the work throws */
export async function asksForWal<T>(work: () => Promise<T>): Promise<T> {
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

/** The file that says how a timeline came about; a server that follows it asks for this first. */
export async function historyOf(
  client: TargetClient,
  timeline: number,
): Promise<{ name: string; content: string | Buffer } | undefined> {
  try {
    const { rows } = await client.query<{ filename: string; content: string | Buffer }>(`TIMELINE_HISTORY ${timeline}`);
    return rows[0] && { name: rows[0].filename, content: rows[0].content };
  } catch (error) {
    throw asTargetError(error, client.address);
  }
}

/** The timelines before, oldest first: a number, a place and a reason a line. */
export function parseHistory(content: string | Buffer): Turn[] {
  return String(content)
    .split('\n')
    .flatMap((line) => {
      const [, timeline, lsn] = /^\s*(\d+)\s+([0-9A-F]+\/[0-9A-F]+)/i.exec(line) ?? [];
      return timeline === undefined || lsn === undefined ? [] : [{ timeline: Number(timeline), endLsn: parseLsn(lsn) }];
    });
}

/** The last place to which the server can send WAL, and why. */
export interface Stop {
  timeline: number;
  /** The file in which the timeline ended is read from the one that follows it: that has all of it. */
  lsn: bigint;
  reason: string;
}

/**
 * How far a log can go from a timeline on. It is found out before anything is taken: what is taken stands in the artefact for good.
 * @returns undefined where the server has it all
 */
export async function stopsAt(
  { address, segmentBytes }: LogTarget,
  from: number,
  to: number,
  options: ConnectOptions,
): Promise<Stop | undefined> {
  if (from === to) return undefined;
  const turns = await turnsBetween(address, from, to, options);
  for (const [index, turn] of turns.entries()) {
    const timeline = turns[index + 1]?.timeline ?? to;
    const start = (turn.endLsn / BigInt(segmentBytes)) * BigInt(segmentBytes);
    const reason = await whyNotFrom(address, timeline, start, options);
    if (reason !== undefined) return { timeline: turn.timeline, lsn: start, reason };
  }
  return undefined;
}

/** Why the server cannot send WAL from there on; undefined where it can. Nothing is taken, and nothing let go. */
export async function whyNotFrom(
  address: LogTarget['address'],
  timeline: number,
  start: bigint,
  options: ConnectOptions,
): Promise<string | undefined> {
  await using client = await connect(address, { ...options, replication: true });
  try {
    // Without the slot: what it holds is not taken yet.
    await asksForWal(() => streamWal(client, { timeline, start, stop: start + 1n }, () => undefined));
    return undefined;
  } catch (error) {
    if (error instanceof NoSuchWal) return error.message;
    throw error;
  }
}

async function turnsBetween(
  address: LogTarget['address'],
  from: number,
  to: number,
  options: ConnectOptions,
): Promise<Turn[]> {
  await using client = await connect(address, { ...options, replication: true });
  const history = await historyOf(client, to);
  return history ? parseHistory(history.content).filter(({ timeline }) => timeline >= from) : [];
}
