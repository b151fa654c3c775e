import {
  asTargetError,
  connect,
  sessionName,
  type ClusterFacts,
  type PostgresAddress,
  type TargetClient,
} from '@hozen/dbms';
import type { SessionOwner } from '../../job.js';
import { sessionSettings, TABLES, type TableFacts } from './tables.sql.js';

/** A session that is about to take a snapshot: connected, with its settings, and it has seen which tables there are. */
export interface SnapshotSession {
  client: TargetClient;
  /** To be locked; they may have changed since. */
  tables: TableFacts[];
  /** `performance.now()` when they were seen. */
  seenAt: number;
}

/** @throws HozenError as every connection */
export async function beginSnapshotSession(
  job: SessionOwner,
  { address, facts }: { address: PostgresAddress; facts: Pick<ClusterFacts, 'versionNum'> },
  database: string,
): Promise<SnapshotSession> {
  const client = await connect(address, { applicationName: sessionName(job.runId, job.epoch), database });
  try {
    await client.query(sessionSettings(facts.versionNum, job.config.lockWaitSeconds));
    const seenAt = performance.now();
    return { client, tables: (await client.query<TableFacts>(TABLES)).rows, seenAt };
  } catch (error) {
    await client[Symbol.asyncDispose]();
    throw asTargetError(error, client.address);
  }
}

/** What the last check of a server found, by its place: most often it is still so. */
const last = new Map<string, { database: string; versionNum: number }>();

/**
 * The session for the first database of a dump, begun while the check and the books go on; even before the check knows
 * which database that is, where the last one knew.
 */
export class SessionAhead implements AsyncDisposable {
  #begun: { database: string; session: Promise<SnapshotSession> } | undefined;

  constructor(private readonly job: SessionOwner) {}

  /** Begins it for the database that was the first one last time. */
  guess(address: PostgresAddress): void {
    const known = last.get(placeOf(address));
    if (known) this.#begin(address, known, known.database);
  }

  /** Begins it where it was not guessed right. @param database the first one, if there is one */
  begin(address: PostgresAddress, facts: Pick<ClusterFacts, 'versionNum'>, database: string | undefined): void {
    if (database === undefined) return;
    last.set(placeOf(address), { database, versionNum: facts.versionNum });
    if (this.#begun?.database === database) return;
    void this[Symbol.asyncDispose]();
    this.#begin(address, facts, database);
  }

  /** @returns undefined where it is not for this database, or was taken already */
  take(database: string): Promise<SnapshotSession> | undefined {
    if (this.#begun?.database !== database) return undefined;
    const { session } = this.#begun;
    this.#begun = undefined;
    return session;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const begun = this.#begun;
    this.#begun = undefined;
    const session = await begun?.session.catch(() => undefined);
    await session?.client[Symbol.asyncDispose]();
  }

  #begin(address: PostgresAddress, facts: Pick<ClusterFacts, 'versionNum'>, database: string): void {
    const session = beginSnapshotSession(this.job, { address, facts }, database);
    // Looked at by whoever takes it.
    session.catch(() => undefined);
    this.#begun = { database, session };
  }
}

function placeOf({ host, port, user }: PostgresAddress): string {
  return JSON.stringify([host, port, user]);
}
