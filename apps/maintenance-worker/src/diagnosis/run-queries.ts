import { asTargetError, connect, type PostgresAddress, type TargetClient } from '@hozen/dbms';

/** No single look at the server takes longer. */
const STATEMENT_TIMEOUT_MS = 20_000;

/**
 * A session that can only look: read-only, every statement bounded, names resolved in the system catalogue alone so
 * that no function of a user's is run.
 */
const LOOK_ONLY = `
  SELECT set_config(s.name, w.value, false)
    FROM pg_catalog.pg_settings AS s
    JOIN (VALUES ('default_transaction_read_only', 'on'), ('search_path', ''), ('lock_timeout', '5s'),
                 ('client_connection_check_interval', '2s'), ('jit', 'off')) AS w (name, value) USING (name)`;

/**
 * Connects for looking only. An abort closes the connection, whatever it is doing.
 * @throws HozenError of the TARGET_ codes
 */
export async function looking<T>(
  address: PostgresAddress,
  options: { applicationName: string; database?: string; signal: AbortSignal },
  look: (client: TargetClient) => Promise<T>,
): Promise<T> {
  options.signal.throwIfAborted();
  const { applicationName, database } = options;
  await using client = await connect(address, {
    applicationName,
    ...(database === undefined ? {} : { database }),
    statementTimeoutMs: STATEMENT_TIMEOUT_MS,
  });
  const close = () => void client.end().catch(() => undefined);
  options.signal.addEventListener('abort', close, { once: true });
  try {
    await client.query(LOOK_ONLY);
    return await look(client);
  } catch (error) {
    options.signal.throwIfAborted();
    throw asTargetError(error, address);
  } finally {
    options.signal.removeEventListener('abort', close);
  }
}

export async function rowsOf<T extends object>(
  client: TargetClient,
  sql: string,
  values: unknown[] = [],
): Promise<T[]> {
  return (await client.query<T>(sql, values)).rows;
}
