import { HozenError } from '@hozen/contracts';
import type { WorkSession } from './work-session.js';

const BLOCKERS = `
  SELECT DISTINCT blocker AS pid FROM pg_catalog.unnest(pg_catalog.pg_blocking_pids($1)) AS blocker WHERE blocker <> 0`;

/**
 * Notices when one and the same session stands in the way for too long. REINDEX CONCURRENTLY waits for every older
 * snapshot of the database, one after the other; a busy server always has some, and only one that stays is a fault.
 */
export class LockWatch {
  /** Since when each session has been in the way, on the monotonic clock. */
  private since = new Map<number, number>();

  constructor(private readonly session: WorkSession) {}

  /** @returns an error when it has been too long */
  async look(): Promise<HozenError | undefined> {
    const { workerPid, lockWaitSeconds } = this.session;
    const rows = await this.session.ask<{ pid: number }>(BLOCKERS, [workerPid]);
    const now = performance.now();
    this.since = new Map(rows.map(({ pid }) => [pid, this.since.get(pid) ?? now]));
    const stuck = [...this.since].filter(([, since]) => now - since >= lockWaitSeconds * 1000).map(([pid]) => pid);
    return stuck.length === 0 ? undefined : inTheWay(this.session, stuck);
  }
}

export function inTheWay({ watcher, lockWaitSeconds }: WorkSession, pids: readonly number[]): HozenError {
  const { target } = watcher.address;
  const detail = `session ${pids.join(', ')} was in the way for ${lockWaitSeconds} s`;
  return new HozenError('TARGET_LOCKED', { target }, { detail });
}
