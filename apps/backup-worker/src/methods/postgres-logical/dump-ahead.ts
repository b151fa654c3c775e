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
import { continueTrace, currentTraceparent } from '@hozen/telemetry';
import type { SessionOwner } from '../../job.js';
import { discardTool, type StartedTool } from '../../pipeline/pour.js';
import { ToolOutput } from '../../pipeline/tool-output.js';
import type { CheckedTarget, DumpableTarget } from './checked-target.js';
import { folderOf } from './cluster-json.js';
import { DatabaseSnapshot } from './database-snapshot.js';
import { connectExpected, lastDatabaseOf, setLastDatabaseOf } from './expected-session.js';
import { definitionsIn } from './plan-database.js';
import { beginSnapshotSession, prepared, type SnapshotSession } from './snapshot-session.js';
import { startDump } from './start-dump.js';
import { sessionSettings, TABLE_NAMES, type TableName } from './tables.sql.js';

/** A target with what is begun there already. */
export interface TargetToDump extends CheckedTarget {
  ahead?: DumpAhead;
}

/** To be looked at by whoever takes it. */
export interface BegunDump {
  snapshot: Promise<DatabaseSnapshot>;
  definitions: Promise<StartedTool>;
  /** Ends the program, where it has not ended by itself, and waits for that. */
  discard: () => Promise<void>;
}

/** These would be the same for every database. */
const OF_THE_SERVER = new Set(['TARGET_UNREACHABLE', 'TARGET_AUTH_FAILED', 'TARGET_NOT_READY']);

/**
 * What a dump needs first, begun while the room is looked at and the artefact is opened: the snapshot of its first database
 * and the program that dumps its definitions, which waits for somebody to take what it prints. Where the database was
 * guessed right, the session is the one that the server was looked at with: to log in once more takes longer than all that is
 * asked.
 */
export class DumpAhead implements AsyncDisposable {
  #guessed: { database: string; address: PostgresAddress; client: TargetClient; tables?: TableName[] } | undefined;
  #begun: ({ database: string } & BegunDump) | undefined;
  readonly #stop = new AbortController();

  #env: Promise<DisposableToolEnvironment> | undefined;
  #output: Promise<ToolOutput> | undefined;
  /** Of what the programs are a part of: the check of the target ends before they do. */
  readonly #parent = currentTraceparent();

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
    const looking = inspectTogether(client, [...settings, TABLE_NAMES]).catch(() => undefined);
    // While the server looks.
    this.#prepareProgram(this.#guessed.address);
    const together = await looking;
    if (!together) return inspectCluster(client);
    this.#guessed.tables = together.results.at(-1) as TableName[];
    return together.facts;
  }

  /** @param database the first one, if there is one */
  begin(target: DumpableTarget, database: string | undefined): void {
    if (database === undefined) return;
    const { address, databases } = target;
    setLastDatabaseOf(address, database);
    const { env, output } = this.#prepareProgram(address);
    this.#output = undefined;
    const { signal } = this.#stop;
    const snapshot = DatabaseSnapshot.take(this.#session(address, database), signal);
    const planned = definitionsIn(folderOf(databases.findIndex(({ name }) => name === database)));
    const definitions = snapshot.then(
      ({ id: snapshotId }) =>
        continueTrace(this.#parent, () =>
          startDump({ job: this.job, target, env, signal }, { database, snapshotId, planned }, output),
        ),
      async (error: unknown) => {
        (await output).close();
        throw error;
      },
    );
    // Looked at by whoever takes them.
    for (const each of [snapshot, definitions]) each.catch(() => undefined);
    const discard = async () => {
      this.#stop.abort();
      await discardTool(definitions);
    };
    this.#begun = { database, snapshot, definitions, discard };
  }

  /**
   * @param signal ends it, as it does one that is taken now
   * @returns undefined where it is not for this database, or was taken already
   */
  take(database: string, signal: AbortSignal): BegunDump | undefined {
    if (this.#begun?.database !== database) return undefined;
    const begun = this.#begun;
    this.#begun = undefined;
    const stop = () => this.#stop.abort(signal.reason);
    if (signal.aborted) stop();
    else signal.addEventListener('abort', stop, { once: true });
    return begun;
  }

  /** Once; whoever takes it disposes of it. */
  takeEnvironment(): Promise<DisposableToolEnvironment> | undefined {
    const env = this.#env;
    this.#env = undefined;
    return env;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const begun = this.#begun;
    this.#begun = undefined;
    await begun?.discard();
    await (await begun?.snapshot.catch(() => undefined))?.[Symbol.asyncDispose]();
    (await this.#output?.catch(() => undefined))?.close();
    await (await this.takeEnvironment()?.catch(() => undefined))?.[Symbol.asyncDispose]();
  }

  /** Once: what is there already stays. */
  #prepareProgram(address: PostgresAddress) {
    const env = (this.#env ??= environmentFor(address, this.job));
    const output = (this.#output ??= ToolOutput.open());
    for (const opening of [env, output]) opening.catch(() => undefined);
    return { env, output };
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
    const database = lastDatabaseOf(address);
    if (database === undefined) return undefined;
    try {
      const client = await connectExpected(address, { applicationName: this.#name, database });
      this.#guessed = { database, address, client };
      return client;
    } catch (error) {
      setLastDatabaseOf(address, undefined);
      if (error instanceof HozenError && OF_THE_SERVER.has(error.code)) throw error;
      return undefined;
    }
  }
}

/** For the programs of a dump. */
export function environmentFor(address: PostgresAddress, job: SessionOwner): Promise<DisposableToolEnvironment> {
  return toolEnvironment(address, { applicationName: sessionName(job.runId, job.epoch) });
}
