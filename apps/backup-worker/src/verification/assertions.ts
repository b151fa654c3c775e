import type { AssertionSpec, ProofFacts } from '@hozen/contracts';
import { connect, connectMariadb, type MariadbAddress, type PostgresAddress } from '@hozen/dbms';
import { inSpan } from '@hozen/telemetry';

/** Longer than that nobody waits for an answer about a backup. */
const LIMIT_SECONDS = 600;

/**
 * Asks what a config says must be true of its data, in the restored copy. Whatever stands in it cannot change anything: not more than
 * reading is allowed.
 * @returns for each that is not true, its name and why
 */
export function failedAssertions(
  assertions: readonly AssertionSpec[],
  ask: (assertion: AssertionSpec) => Promise<unknown[][]>,
): Promise<string[]> {
  return inSpan('check assertions', { attributes: { 'hozen.assertions': assertions.length } }, async () => {
    const failed: string[] = [];
    for (const assertion of assertions) {
      const why = await whyFailed(assertion, ask);
      if (why !== undefined) failed.push(`${assertion.name}: ${why}`);
    }
    return failed;
  });
}

/** What a proof says of them. */
export function notTrue(failed: string[]): Pick<ProofFacts, 'failedAssertions'> {
  return failed.length > 0 ? { failedAssertions: failed } : {};
}

async function whyFailed(
  assertion: AssertionSpec,
  ask: (assertion: AssertionSpec) => Promise<unknown[][]>,
): Promise<string | undefined> {
  let rows: unknown[][];
  try {
    rows = await ask(assertion);
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
  const [row] = rows;
  if (rows.length !== 1 || row?.length !== 1) return 'it must give one row with one column';
  const [value] = row;
  return value === true || String(value) === '1' ? undefined : `it gave ${String(value)}`;
}

/** Asks a PostgreSQL server of ours, as somebody who may only read. */
export function askPostgres(addressOf: (database: string) => PostgresAddress, applicationName: string) {
  return async ({ database, sql }: AssertionSpec): Promise<unknown[][]> => {
    await using client = await connect(addressOf(database), { applicationName });
    await client.query('BEGIN READ ONLY');
    await client.query(`SET LOCAL statement_timeout = ${LIMIT_SECONDS * 1000}`);
    await client.query('SET LOCAL ROLE pg_read_all_data');
    // As a prepared statement: one statement, and nothing after it.
    const asked = { name: 'assertion', text: sql };
    const { rows, fields } = await client.query<Record<string, unknown>>(asked);
    return rows.map((row) => fields.map(({ name }) => row[name]));
  };
}

/** Asks a MariaDB server of ours, in a transaction that may only read. */
export function askMariadb(address: MariadbAddress) {
  return async ({ database, sql }: AssertionSpec): Promise<unknown[][]> => {
    await using client = await connectMariadb(address);
    await client.query(`USE ${client.name(database)}`);
    await client.query(`SET SESSION max_statement_time = ${LIMIT_SECONDS}`);
    await client.query('START TRANSACTION READ ONLY');
    return (await client.query<Record<string, unknown>>(sql)).map((row) => Object.values(row));
  };
}
