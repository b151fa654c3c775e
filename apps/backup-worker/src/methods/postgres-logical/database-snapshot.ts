import { asTargetError, resultsOf, type TargetClient } from '@hozen/dbms';
import { HozenError, type PartsPatterns } from '@hozen/contracts';
import type { SessionOwner } from '../../job.js';
import { databasePart, type DatabasePart } from '../../parts/database-part.js';
import type { CheckedTarget } from './checked-target.js';
import { beginSnapshotSession, type SnapshotSession } from './snapshot-session.js';
import { COLUMNS, TABLE_NAMES, TABLES, type TableFacts, type TableName } from './tables.sql.js';

/** What ends a snapshot early, and who is told when its session is lost. */
export interface SnapshotUntil {
  signal: AbortSignal;
  fail: (error: unknown) => void;
}

/** Tables locked by one statement: a long one is parsed as a whole. */
const BATCH = 500;
/** Times a table may be dropped while we are about to lock it. */
const ATTEMPTS = 10;
/** SQLSTATEs of a table that vanished in between, and of a deadlock with whoever changes them. */
const AGAIN = new Set(['42P01', '3F000', '40P01']);

/**
 * One moment of a database, kept open for all the processes that dump it: a transaction that holds the snapshot and a
 * lock on every table.
 *
 * The locks are taken before the snapshot. The other way round a TRUNCATE or a rewriting ALTER TABLE in between would
 * leave the table empty in that snapshot, and pg_dump, which only locks when its turn comes, would not notice.
 */
export class DatabaseSnapshot implements AsyncDisposable {
  private constructor(
    readonly client: TargetClient,
    /** For pg_dump --snapshot. */
    readonly id: string,
    readonly tables: TableFacts[],
  ) {}

  /**
   * @param until ends it, even while it waits for a lock
   * @param ahead where it is being taken already
   * @throws HozenError TARGET_LOCKED, TARGET_RIGHTS_MISSING and what connect throws
   */
  static async open(
    job: SessionOwner,
    target: Pick<CheckedTarget, 'address'>,
    database: string,
    until: SnapshotUntil,
    ahead?: Promise<DatabaseSnapshot>,
  ) {
    const snapshot = await (ahead ?? this.take(beginSnapshotSession(job, target.address, database), until.signal));
    const { client } = snapshot;
    client.once('error', (error) => until.fail(asTargetError(error, client.address)));
    return snapshot;
  }

  /**
   * The same of a database that nobody changes: it holds no locks. pg_dump takes its own, and a server has room for few.
   * @throws HozenError as {@link open}
   */
  static unlocked(
    job: SessionOwner,
    { address }: Pick<CheckedTarget, 'address'>,
    database: string,
    signal: AbortSignal,
  ): Promise<DatabaseSnapshot> {
    const begun = beginSnapshotSession(job, address, database);
    return this.take(
      begun.then(({ client }) => ({ client, tables: [] })),
      signal,
    );
  }

  /**
   * In a session that has just seen its tables.
   * @param signal ends it, even while it waits for a lock
   * @throws HozenError as {@link open}
   */
  static async take(begun: Promise<SnapshotSession>, signal: AbortSignal): Promise<DatabaseSnapshot> {
    const { client, tables: seen } = await begun;
    const stop = () => void client.end().catch(() => undefined);
    signal.addEventListener('abort', stop, { once: true });
    client.once('end', () => signal.removeEventListener('abort', stop));
    try {
      signal.throwIfAborted();
      const { id, tables } = await takeSnapshot(client, seen);
      return new DatabaseSnapshot(client, id, tables);
    } catch (error) {
      await client[Symbol.asyncDispose]();
      throw asTargetError(error, client.address);
    }
  }

  /** What of the database the patterns name, at the moment of the snapshot. */
  part(patterns: PartsPatterns): Promise<DatabasePart> {
    return databasePart(this.client, patterns);
  }

  /** The columns of tables that can be read by COPY, by oid. */
  async columnsOf(tables: readonly TableFacts[]): Promise<Map<number, string>> {
    if (tables.length === 0) return new Map();
    try {
      const oids = tables.map(({ oid }) => oid);
      const { rows } = await this.client.query<{ oid: number; columns: string }>(COLUMNS, [oids]);
      return new Map(rows.map(({ oid, columns }) => [oid, columns]));
    } catch (error) {
      throw asTargetError(error, this.client.address);
    }
  }

  /**
   * Ends the transaction after the last process is done.
   * @throws HozenError TARGET_CONNECTION_LOST when it did not last until now: the locks were gone too early
   */
  async release(): Promise<void> {
    try {
      await this.client.query('COMMIT');
    } catch (error) {
      throw asTargetError(error, this.client.address);
    } finally {
      await this[Symbol.asyncDispose]();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.client[Symbol.asyncDispose]();
  }
}

export const BEGIN = 'BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY';

const EXPORT = 'SELECT pg_export_snapshot() AS id';

/**
 * Locks, and then the snapshot: no statement before pg_export_snapshot() makes one.
 * @param seen the tables there were a moment ago
 */
async function takeSnapshot(
  client: TargetClient,
  seen: readonly TableName[],
): Promise<{ id: string; tables: TableFacts[] }> {
  let tables = seen;
  for (let attempt = 1; ; attempt++) {
    try {
      const results = await resultsOf(client, [BEGIN, ...lockForReading(client, tables), EXPORT, TABLES]);
      const [exported, seenNow] = results.slice(-2) as [{ id: string }[], TableFacts[]];
      return { id: exported[0]?.id ?? '', tables: seenNow };
    } catch (error) {
      const code = error instanceof Error && 'code' in error ? String(error.code) : '';
      if (!AGAIN.has(code)) throw error;
      if (attempt === ATTEMPTS) throw locked(client, error);
      await client.query('ROLLBACK');
      tables = (await client.query<TableName>(TABLE_NAMES)).rows;
    }
  }
}

/** @returns statements that keep TRUNCATE, DROP and ALTER off until the transaction ends */
export function lockForReading(client: TargetClient, tables: readonly TableName[]): string[] {
  const batches = Array.from({ length: Math.ceil(tables.length / BATCH) }, (_, batch) =>
    tables.slice(batch * BATCH, (batch + 1) * BATCH),
  );
  return batches.map((batch) => {
    const names = batch.map((table) => qualified(client, table));
    return `LOCK TABLE ONLY ${names.join(', ')} IN ACCESS SHARE MODE`;
  });
}

export function qualified(client: TargetClient, { schema, name }: TableName): string {
  return `${client.escapeIdentifier(schema)}.${client.escapeIdentifier(name)}`;
}

function locked(client: TargetClient, cause: unknown): HozenError {
  const detail = 'tables are dropped and created faster than they can be locked';
  return new HozenError('TARGET_LOCKED', { target: client.address.target }, { detail, cause });
}
