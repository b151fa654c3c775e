import {
  connect,
  inspectCluster,
  inspectTogether,
  sessionName,
  toolEnvironment,
  type ClusterFacts,
  type DisposableToolEnvironment,
  type PostgresAddress,
  type TargetClient,
} from '@hozen/dbms';
import { HozenError } from '@hozen/contracts';
import type { SessionOwner } from '../../job.js';
import { ToolOutput } from '../../pipeline/tool-output.js';
import { DatabaseSnapshot } from './database-snapshot.js';
import { beginSnapshotSession, prepared, type SnapshotSession } from './snapshot-session.js';
import { sessionSettings, TABLES, type TableFacts } from './tables.sql.js';

/** The database that the last dump of a server began with, by the server's place: most often it is the same again. */
const last = new Map<string, string>();

/** These would be the same for every database. */
const OF_THE_SERVER = new Set(['TARGET_UNREACHABLE', 'TARGET_AUTH_FAILED', 'TARGET_NOT_READY']);

/**
 * What a dump needs first, begun while the check and the books go on: the snapshot of its first database, and what its
 * first program needs. Where the database was guessed right, the session is the one that the server was looked at with:
 * to log in once more takes longer than all that is asked.
 */
export class DumpAhead implements AsyncDisposable {
  #guessed: { database: string; client: TargetClient; tables?: TableFacts[] } | undefined;
  #begun: { database: string; snapshot: Promise<DatabaseSnapshot> } | undefined;
  readonly #stop = new AbortController();

  #env: Promise<DisposableToolEnvironment> | undefined;
  #output: Promise<ToolOutput> | undefined;

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

  /**
   * Looks at the server. Where the database was guessed, its tables are seen in the same round trip, and the session has its
   * settings: what does not go together is asked for one by one.
   * @throws HozenError of the TARGET_ codes
   */
  async inspect(client: TargetClient): Promise<ClusterFacts> {
    if (this.#guessed?.client !== client) return inspectCluster(client);
    const settings = sessionSettings(this.job.config.lockWaitSeconds);
    const together = await inspectTogether(client, [...settings, TABLES]).catch(() => undefined);
    if (!together) return inspectCluster(client);
    this.#guessed.tables = together.results.at(-1) as TableFacts[];
    return together.facts;
  }

  /** @param database the first one, if there is one */
  begin(address: PostgresAddress, database: string | undefined): void {
    if (database === undefined) return;
    last.set(placeOf(address), database);
    this.#env = environmentFor(address, this.job);
    this.#output = ToolOutput.open();
    for (const opening of [this.#env, this.#output]) opening.catch(() => undefined);
    const snapshot = DatabaseSnapshot.take(this.#session(address, database), this.#stop.signal);
    // Looked at by whoever takes it.
    snapshot.catch(() => undefined);
    this.#begun = { database, snapshot };
  }

  /**
   * @param signal ends it, as it does one that is taken now
   * @returns undefined where it is not for this database, or was taken already
   */
  take(database: string, signal: AbortSignal): Promise<DatabaseSnapshot> | undefined {
    if (this.#begun?.database !== database) return undefined;
    const { snapshot } = this.#begun;
    this.#begun = undefined;
    const stop = () => this.#stop.abort(signal.reason);
    if (signal.aborted) stop();
    else signal.addEventListener('abort', stop, { once: true });
    return snapshot;
  }

  /** Once; whoever takes it disposes of it. */
  takeEnvironment(): Promise<DisposableToolEnvironment> | undefined {
    const env = this.#env;
    this.#env = undefined;
    return env;
  }

  /** Once; whoever takes it closes it. */
  takeOutput(): Promise<ToolOutput> | undefined {
    const output = this.#output;
    this.#output = undefined;
    return output;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const begun = this.#begun;
    this.#begun = undefined;
    // It may still be waiting for a lock.
    if (begun) this.#stop.abort();
    await (await begun?.snapshot.catch(() => undefined))?.[Symbol.asyncDispose]();
    await (await this.takeEnvironment()?.catch(() => undefined))?.[Symbol.asyncDispose]();
    (await this.takeOutput()?.catch(() => undefined))?.close();
  }

  #session(address: PostgresAddress, database: string): Promise<SnapshotSession> {
    if (this.#guessed?.database !== database) return beginSnapshotSession(this.job, address, database);
    const { client, tables } = this.#guessed;
    return tables ? Promise.resolve({ client, tables }) : prepared(client, this.job.config.lockWaitSeconds);
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

/** For the programs of a dump. */
export function environmentFor(address: PostgresAddress, job: SessionOwner): Promise<DisposableToolEnvironment> {
  return toolEnvironment(address, { applicationName: sessionName(job.runId, job.epoch) });
}

function placeOf({ host, port, user }: PostgresAddress): string {
  return JSON.stringify([host, port, user]);
}
