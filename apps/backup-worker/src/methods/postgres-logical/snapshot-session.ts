import {
  asTargetError,
  connect,
  sessionName,
  type ClusterFacts,
  type PostgresAddress,
  type TargetClient,
} from '@hozen/dbms';
import { HozenError } from '@hozen/contracts';
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
  return prepared(client, facts.versionNum, job.config.lockWaitSeconds);
}

/** Closes the connection when it cannot be used. */
async function prepared(client: TargetClient, versionNum: number, lockWaitSeconds: number): Promise<SnapshotSession> {
  try {
    await client.query(sessionSettings(versionNum, lockWaitSeconds));
    const seenAt = performance.now();
    return { client, tables: (await client.query<TableFacts>(TABLES)).rows, seenAt };
  } catch (error) {
    await client[Symbol.asyncDispose]();
    throw asTargetError(error, client.address);
  }
}

/** The database that the last dump of a server began with, by the server's place: most often it is the same again. */
const last = new Map<string, string>();

/** These would be the same for every database. */
const OF_THE_SERVER = new Set(['TARGET_UNREACHABLE', 'TARGET_AUTH_FAILED', 'TARGET_NOT_READY']);

/**
 * The session for the first database of a dump, begun while the check and the books go on. Where the database was guessed
 * right, it is the session that the server was looked at with: to log in once more takes longer than all that is asked.
 */
export class SessionAhead implements AsyncDisposable {
  #guessed: { database: string; client: TargetClient } | undefined;
  #begun: { database: string; session: Promise<SnapshotSession> } | undefined;

  constructor(private readonly job: SessionOwner) {}

  /** To look at the server with. Disposing leaves it open where it became the session. @throws what connect throws */
  async connect(address: PostgresAddress): Promise<{ client: TargetClient } & AsyncDisposable> {
    const client = (await this.#guess(address)) ?? (await connect(address, { applicationName: this.#name }));
    return {
      client,
      [Symbol.asyncDispose]: async () => {
        if (this.#guessed === undefined || this.#begun?.database !== this.#guessed.database) {
          await client[Symbol.asyncDispose]();
        }
      },
    };
  }

  /** @param database the first one, if there is one */
  begin(address: PostgresAddress, facts: Pick<ClusterFacts, 'versionNum'>, database: string | undefined): void {
    if (database === undefined) return;
    last.set(placeOf(address), database);
    const { lockWaitSeconds } = this.job.config;
    const session =
      this.#guessed?.database === database
        ? prepared(this.#guessed.client, facts.versionNum, lockWaitSeconds)
        : beginSnapshotSession(this.job, { address, facts }, database);
    // Looked at by whoever takes it.
    session.catch(() => undefined);
    this.#begun = { database, session };
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

  get #name(): string {
    return sessionName(this.job.runId, this.job.epoch);
  }

  /** @returns undefined where nothing is known, or it is not so any more */
  async #guess(address: PostgresAddress): Promise<TargetClient | undefined> {
    const database = last.get(placeOf(address));
    if (database === undefined) return undefined;
    try {
      const client = await connect(address, { applicationName: this.#name, database });
      this.#guessed = { database, client };
      return client;
    } catch (error) {
      last.delete(placeOf(address));
      if (error instanceof HozenError && OF_THE_SERVER.has(error.code)) throw error;
      return undefined;
    }
  }
}

function placeOf({ host, port, user }: PostgresAddress): string {
  return JSON.stringify([host, port, user]);
}
