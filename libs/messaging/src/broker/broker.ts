import { setTimeout as delay } from 'node:timers/promises';
import { HozenError } from '@hozen/contracts';
import { logger } from '@hozen/telemetry';
import { jetstream, jetstreamManager, type JetStreamClient, type JetStreamManager } from '@nats-io/jetstream';
import { connect, errors, type NatsConnection } from '@nats-io/transport-node';
import { deferred } from '../deferred.js';
import { authenticationOf, type BrokerCredentials } from './credentials.js';
import { refuseTooOld } from './server-features.js';

export interface BrokerSettings {
  /** `nats://host:4222`; several are separated by commas. */
  url: string;
  /** Shown in the server's list of connections. */
  name: string;
  credentials?: BrokerCredentials;
  /** How long to wait for the first connection, in ms; default: for ever. */
  waitMs?: number;
}

const log = logger('broker');

const FIRST_CONNECT_RETRY_MS = 250;
const REPORT_FIRST = 4;
const REPORT_EVERY = 40;
const JETSTREAM_START_MS = 15_000;

/**
 * Connects to the broker: waits for the first connection, and afterwards reconnects for ever.
 * @throws HozenError BROKER_UNSUITABLE (too old, no JetStream), SETTINGS_INVALID (login refused), SERVICE_UNREACHABLE
 *   (only with `waitMs`)
 */
export async function connectBroker(settings: BrokerSettings): Promise<Broker> {
  const nc = await firstConnection(settings);
  try {
    refuseTooOld(nc.info?.version ?? 'unknown');
    if (nc.info?.jetstream !== true) {
      throw new HozenError('BROKER_UNSUITABLE', { version: nc.info?.version ?? 'unknown', what: 'JetStream is off' });
    }
    const jsm = await startedJetStream(nc);
    return new Broker(nc, jetstream(nc), jsm);
  } catch (error) {
    await nc.close();
    throw error;
  }
}

async function firstConnection(settings: BrokerSettings): Promise<NatsConnection> {
  const { servers, ...login } = authenticationOf(settings.url, settings.credentials);
  const shown = servers.join(',');
  const giveUpAt = performance.now() + (settings.waitMs ?? Number.POSITIVE_INFINITY);
  for (let attempt = 1; ; attempt++) {
    try {
      return await connect({
        servers,
        name: settings.name,
        ...login,
        maxReconnectAttempts: -1,
        reconnectTimeWait: 100,
        reconnectJitter: 100,
        ignoreAuthErrorAbort: true,
        pingInterval: 20_000,
        timeout: 5_000,
      });
    } catch (error) {
      if (error instanceof errors.AuthorizationError || (error as Error).cause instanceof errors.AuthorizationError) {
        throw new HozenError(
          'SETTINGS_INVALID',
          { what: `the broker at ${shown} refused the login` },
          { cause: error },
        );
      }
      if (performance.now() > giveUpAt) {
        const params = { url: shown, option: 'nats', variable: 'HOZEN_NATS_URL' };
        throw new HozenError('SERVICE_UNREACHABLE', params, { cause: error });
      }
      if (attempt % REPORT_EVERY === REPORT_FIRST)
        log.warn({ url: shown, error: (error as Error).message }, 'waiting for the broker');
      await delay(FIRST_CONNECT_RETRY_MS);
    }
  }
}

/** JetStream needs a moment longer than the server; while its store is being read it does not answer. */
async function startedJetStream(nc: NatsConnection): Promise<JetStreamManager> {
  const giveUpAt = performance.now() + JETSTREAM_START_MS;
  for (;;) {
    try {
      return await jetstreamManager(nc);
    } catch (error) {
      if (performance.now() > giveUpAt) {
        const params = { version: nc.info?.version ?? 'unknown', what: 'JetStream does not answer for this account' };
        throw new HozenError('BROKER_UNSUITABLE', params, { cause: error });
      }
      await delay(FIRST_CONNECT_RETRY_MS);
    }
  }
}

/** The connection to the broker, as every part of a service uses it. Made by {@link connectBroker}. */
export class Broker implements AsyncDisposable {
  readonly #reconnectListeners = new Set<() => void>();
  #connected = true;
  #disconnected = deferred();
  #reconnected = deferred();

  constructor(
    readonly nc: NatsConnection,
    readonly js: JetStreamClient,
    readonly jsm: JetStreamManager,
  ) {
    void this.#followStatus();
  }

  /** Version of the server that is connected now. */
  get version(): string {
    return this.nc.info?.version ?? 'unknown';
  }

  get isConnected(): boolean {
    return this.#connected && !this.nc.isClosed();
  }

  /** Resolves when there is a connection: at once, or after the reconnect, or when the connection is closed for good. */
  async connected(): Promise<void> {
    if (!this.#connected && !this.nc.isClosed()) await this.#reconnected.promise;
  }

  /**
   * Waits for an answer of the broker, but no longer than the connection lasts: the client would go on waiting for an
   * answer that cannot come any more. Whether the request arrived is not known then.
   */
  async answerOf<T>(answer: Promise<T>): Promise<T> {
    const lost = this.#disconnected.promise.then(() => {
      throw new Error('the connection to the broker was lost while waiting for its answer');
    });
    return Promise.race([answer, lost]);
  }

  /** Calls `listener` after each reconnect, until the returned function is called. */
  onReconnect(listener: () => void): () => void {
    this.#reconnectListeners.add(listener);
    return () => this.#reconnectListeners.delete(listener);
  }

  /** Sends what is buffered and closes. Safe to call again. */
  async close(): Promise<void> {
    if (this.nc.isClosed()) return;
    if (this.#connected) await Promise.race([this.nc.flush().catch(() => undefined), delay(2_000)]);
    await this.nc.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #followStatus(): Promise<void> {
    for await (const status of this.nc.status()) {
      if (status.type === 'disconnect') this.#lost();
      if (status.type === 'reconnect') this.#back();
    }
    this.#reconnected.resolve();
  }

  #lost(): void {
    if (!this.#connected) return;
    this.#connected = false;
    this.#reconnected = deferred();
    this.#disconnected.resolve();
    log.warn('the connection to the broker is lost; reconnecting');
  }

  #back(): void {
    this.#connected = true;
    this.#disconnected = deferred();
    this.#reconnected.resolve();
    log.info({ version: this.version }, 'connected to the broker again');
    for (const listener of this.#reconnectListeners) listener();
  }
}
