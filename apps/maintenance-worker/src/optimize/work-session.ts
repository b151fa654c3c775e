import { addressOf, asTargetError, connect, sessionName, terminateOlderSessions, type TargetClient } from '@hozen/dbms';
import type { Work } from '../runs/work.js';

/**
 * What roles and databases may set by themselves must not end our work half-way; waiting for locks is bounded by who is
 * in the way, not by a timer of the server: a lock time-out in REINDEX CONCURRENTLY leaves an invalid index. A server
 * that cannot reach us any more stops within seconds (from 14 on). Names are resolved in the catalogue alone.
 */
const PREPARE = `
  SELECT set_config(s.name, w.value, false)
    FROM pg_catalog.pg_settings AS s
    JOIN (VALUES ('search_path', ''), ('statement_timeout', '0'), ('lock_timeout', '0'), ('transaction_timeout', '0'),
                 ('idle_session_timeout', '0'), ('default_transaction_read_only', 'off'),
                 ('client_connection_check_interval', '2s')) AS w (name, value) USING (name)`;

/** The same for the watching session, whose statements are bounded. */
const PREPARE_WATCHER = PREPARE.replace(`('statement_timeout', '0'), `, '');

/** Two sessions on one database of the target: one works, the other watches it. */
export class WorkSession implements AsyncDisposable {
  private constructor(
    readonly work: TargetClient,
    readonly watcher: TargetClient,
    readonly workerPid: number,
    readonly lockWaitSeconds: number,
  ) {}

  /**
   * Connects, and ends what earlier owners of the run still have open: from then on nobody but us acts for this run.
   * @throws HozenError of the TARGET_ codes
   */
  static async open({ run, settings }: Work, database: string): Promise<WorkSession> {
    const address = await addressOf(settings.target);
    const epoch = BigInt(run.epoch);
    const options = { applicationName: sessionName(run.id, epoch), database };
    await using opening = new AsyncDisposableStack();
    const watcher = opening.use(await connect(address, { ...options, statementTimeoutMs: 20_000 }));
    const work = opening.use(await connect(address, options));
    try {
      await terminateOlderSessions(watcher, `hozen/${run.id}`, epoch);
      await watcher.query(PREPARE_WATCHER);
      await work.query(PREPARE);
      const { rows } = await work.query<{ pid: number }>(`SELECT pg_catalog.pg_backend_pid() AS pid`);
      opening.move();
      return new WorkSession(work, watcher, rows[0]?.pid ?? 0, settings.lockWaitSeconds);
    } catch (error) {
      throw asTargetError(error, address);
    }
  }

  /** A look at the target beside the work. @throws HozenError of the TARGET_ codes */
  async ask<T extends object>(sql: string, values: unknown[]): Promise<T[]> {
    try {
      return (await this.watcher.query<T>(sql, values)).rows;
    } catch (error) {
      throw asTargetError(error, this.watcher.address);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.work[Symbol.asyncDispose]();
    await this.watcher[Symbol.asyncDispose]();
  }
}
