import { isDeepStrictEqual } from 'node:util';
import type { TargetSpec } from '@hozen/contracts';
import { addressOf, connect, type PostgresAddress, type TargetClient } from '@hozen/dbms';

/** How long a session waits for its run, which another worker may have taken, or which has to wait itself. */
const WAITS_MS = 1_000;

/** A session that no run has taken. It has no locks, and no transaction. */
const APPLICATION_NAME = 'hozen/expected';

/** The database that the last dump of a server began with, by the server's place: most often it is the same again. */
const lastDatabases = new Map<string, string>();

interface ExpectedSession {
  address: PostgresAddress;
  database: string;
  client: Promise<TargetClient>;
  /** Ends it where nobody has come. */
  timer: NodeJS.Timeout;
}

const expected = new Map<string, ExpectedSession>();

/**
 * Logs in to a server that a run is about to be claimed for, in the database that its dump will begin with, if that is known: to
 * log in takes longer than to write the run down and to claim it. What fails here fails again when the run does it.
 */
export async function expectSession(target: TargetSpec): Promise<void> {
  const address = await addressOf(target);
  const place = placeOf(address);
  const database = lastDatabases.get(place);
  if (database === undefined || expected.has(place)) return;
  const client = connect(address, { applicationName: APPLICATION_NAME, database });
  client.catch(() => undefined);
  const timer = setTimeout(() => {
    expected.delete(place);
    void client.then((waiting) => waiting[Symbol.asyncDispose]()).catch(() => undefined);
  }, WAITS_MS);
  expected.set(place, { address, database, client, timer });
}

/**
 * Logs in, or takes the session that waits for this.
 * @throws what connect throws
 */
export async function connectExpected(
  address: PostgresAddress,
  options: { applicationName: string; database: string },
): Promise<TargetClient> {
  return (await takeExpected(address, options)) ?? connect(address, options);
}

export function lastDatabaseOf(address: PostgresAddress): string | undefined {
  return lastDatabases.get(placeOf(address));
}

/** @param database undefined: it is not known any more */
export function setLastDatabaseOf(address: PostgresAddress, database: string | undefined): void {
  if (database === undefined) lastDatabases.delete(placeOf(address));
  else lastDatabases.set(placeOf(address), database);
}

/** @returns undefined where there is none, it is for something else, or it was lost */
async function takeExpected(
  address: PostgresAddress,
  { applicationName, database }: { applicationName: string; database: string },
): Promise<TargetClient | undefined> {
  const session = expected.get(placeOf(address));
  if (session?.database !== database || !isDeepStrictEqual(session.address, address)) return undefined;
  expected.delete(placeOf(address));
  clearTimeout(session.timer);
  const client = await session.client;
  try {
    // Before anything else: a later owner of the run finds its sessions by it.
    await client.query(`SET application_name = ${client.escapeLiteral(applicationName)}`);
    return client;
  } catch {
    await client[Symbol.asyncDispose]();
    return undefined;
  }
}

function placeOf({ host, port, user }: PostgresAddress): string {
  return JSON.stringify([host, port, user]);
}
