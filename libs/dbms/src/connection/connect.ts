import { Client, type ClientConfig } from 'pg';
import type { PostgresAddress } from '../address.js';
import { checkedSessionName } from '../sessions/session-name.js';
import { asTargetError, type AddressFacts } from './target-error.js';
import { ReusedSocket } from './reused-socket.js';
import { sslAttempts, type SslOption } from './ssl.js';

export interface ConnectOptions {
  /** Shown in pg_stat_activity; `hozen/<run>/<epoch>` for what belongs to a run. At most 63 bytes. */
  applicationName: string;
  /** Another database than the address's own. */
  database?: string;
  /** Milliseconds a statement may take on the server; 0 (the default) for no limit. */
  statementTimeoutMs?: number;
  /** For the replication protocol: its commands as well as SQL without parameters. Needs the REPLICATION right. */
  replication?: boolean;
  /** Milliseconds for the connection to be made; 10 s by default. */
  connectTimeoutMs?: number;
}

/** A connected client that knows where it is connected to, so that its errors can name the target. */
export class TargetClient extends Client implements AsyncDisposable {
  constructor(
    config: ClientConfig,
    readonly address: AddressFacts,
  ) {
    super(config);
    // Without a listener the loss of an idle connection would end the process. The next query reports it.
    this.on('error', ignoreLoss);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.end().catch(ignoreLoss);
  }
}

/**
 * Connects to a server.
 *
 * @throws HozenError TARGET_UNREACHABLE, TARGET_AUTH_FAILED, TARGET_NOT_READY, TARGET_CONNECTION_LOST
 * @throws RangeError for an application name that the server would change
 */
export async function connect(address: PostgresAddress, options: ConnectOptions): Promise<TargetClient> {
  checkedSessionName(options.applicationName);
  const [first, fallback] = await sslAttempts(address);
  if (fallback === undefined || !plain.has(address)) {
    try {
      return await attempt(address, options, first);
    } catch (error) {
      if (fallback === undefined || !mayFallBack(error)) throw asTargetError(error, address);
    }
  }
  try {
    const client = await attempt(address, options, fallback);
    plain.add(address);
    return client;
  } catch (error) {
    throw asTargetError(error, address);
  }
}

/** Where TLS was preferred and refused: a run connects several times, and need not be refused each time. */
const plain = new WeakSet<PostgresAddress>();

async function attempt(address: PostgresAddress, options: ConnectOptions, ssl: SslOption): Promise<TargetClient> {
  const client = new TargetClient(clientConfig(address, options, ssl), address);
  try {
    await client.connect();
    return client;
  } catch (error) {
    await client.end().catch(ignoreLoss);
    throw error;
  }
}

function clientConfig(
  address: PostgresAddress,
  options: ConnectOptions,
  ssl: SslOption,
): ClientConfig & { replication?: string } {
  const { statementTimeoutMs = 0 } = options;
  return {
    host: address.host,
    port: address.port,
    user: address.user,
    database: options.database ?? address.database,
    // A function, because the driver takes PGPASSWORD or ~/.pgpass of this process when the value is missing.
    password: () => address.password ?? '',
    ssl,
    application_name: options.applicationName,
    connectionTimeoutMillis: options.connectTimeoutMs ?? 10_000,
    // TLS reads from the socket by itself.
    ...(ssl === false ? { stream: () => new ReusedSocket() } : {}),
    // `database`: pg_hba.conf needs no line of its own for it.
    ...(options.replication ? { replication: 'database' } : {}),
    keepAlive: true,
    keepAliveInitialDelayMillis: 10_000,
    ...(statementTimeoutMs > 0
      ? // The server's limit does not help when the server is gone without a word; ours a little later does.
        { statement_timeout: statementTimeoutMs, query_timeout: statementTimeoutMs + 5_000 }
      : {}),
  };
}

/** `prefer` means: without TLS rather than not at all. A server that is not there will not be there without TLS either. */
function mayFallBack(error: unknown): boolean {
  return !(error instanceof Error && 'code' in error && /^E[A-Z]+$/.test(String(error.code)));
}

function ignoreLoss(): void {}
