import { setTimeout as delay } from 'node:timers/promises';
import { asTargetError } from '@hozen/dbms';
import { sqlStateOf } from '../runs/retry-policy.js';
import { inTheWay, LockWatch } from './lock-watch.js';
import { StepError } from './step-error.js';
import type { WorkSession } from './work-session.js';

const LOOK_EVERY_MS = 500;
const CANCEL = `SELECT pg_cancel_backend($1)`;
const DAMAGE = new Set(['XX001', 'XX002']);

/**
 * Runs one statement on the working session while the other one watches: it is cancelled when one and the same session
 * stands in its way for too long, and when `signal` aborts.
 * @throws HozenError TARGET_LOCKED, or another of the TARGET_ codes; the signal's reason
 * @throws StepError when the statement failed because of the object it works on
 */
export async function runWatched(session: WorkSession, sql: string, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  const ended = new AbortController();
  const statement = session.work.query(sql).finally(() => ended.abort());
  const [result, watch] = await Promise.allSettled([statement, watchOver(session, signal, ended.signal)]);
  if (result.status === 'fulfilled') return;
  if (watch.status === 'rejected') throw watch.reason;
  throw asStepOrTargetError(result.reason, session);
}

/** @throws what made it cancel the statement */
async function watchOver(session: WorkSession, signal: AbortSignal, ended: AbortSignal): Promise<void> {
  const locks = new LockWatch(session);
  const wakeUp = AbortSignal.any([signal, ended]);
  for (;;) {
    await delay(LOOK_EVERY_MS, undefined, { signal: wakeUp }).catch(() => undefined);
    if (ended.aborted) return;
    const reason: unknown = signal.aborted ? signal.reason : await locks.look().catch((error: unknown) => error);
    if (reason === undefined) continue;
    await cancel(session, ended);
    throw reason;
  }
}

/** Until it has ended. Where the watching session is gone too, the connection is closed and the server notices. */
async function cancel(session: WorkSession, ended: AbortSignal): Promise<void> {
  while (!ended.aborted) {
    try {
      await session.watcher.query(CANCEL, [session.workerPid]);
    } catch {
      await session.work.end().catch(() => undefined);
      return;
    }
    await delay(LOOK_EVERY_MS, undefined, { signal: ended }).catch(() => undefined);
  }
}

function asStepOrTargetError(thrown: unknown, { work }: WorkSession): Error {
  const error = asTargetError(thrown, work.address);
  const state = sqlStateOf(thrown);
  // Class 53: the server has run out of something, which has nothing to do with the object.
  if (error.code !== 'INTERNAL' || state === '' || state.startsWith('53')) return error;
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  return new StepError(`${message} (SQLSTATE ${state})`, DAMAGE.has(state), { cause: thrown });
}

/** For a wait that is ours to make, outside of a statement. @throws HozenError TARGET_LOCKED; the signal's reason */
export async function waitUntilFree(
  session: WorkSession,
  signal: AbortSignal,
  builders: () => Promise<number[]>,
): Promise<void> {
  const deadline = performance.now() + session.lockWaitSeconds * 1000;
  for (;;) {
    signal.throwIfAborted();
    const pids = await builders();
    if (pids.length === 0) return;
    if (performance.now() > deadline) throw inTheWay(session, pids);
    await delay(LOOK_EVERY_MS, undefined, { signal }).catch(() => undefined);
  }
}
