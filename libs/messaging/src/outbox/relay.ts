import type { Envelope } from '@hozen/contracts';
import { counter, failpoint, logger } from '@hozen/telemetry';
import type { DataSource, EntityManager } from 'typeorm';
import type { Broker } from '../broker/broker.js';
import { deferred } from '../deferred.js';
import { BrokerLossCheck } from './broker-loss.js';
import { send } from './send.js';
import { DELETE_OLD, MARK_SENT, MARK_UNSENT, SELECT_UNSENT } from './sql.js';

export interface RelaySettings {
  dataSource: DataSource;
  broker: Broker;
  /** ms between looks when nobody wakes it; default 1000. */
  pollMs?: number;
  /** ms between checks for lost messages; default 60000. */
  checkMs?: number;
  /** Days of sent events that are published again after a loss of the broker; default 2. */
  replayDays?: number;
}

interface UnsentRow {
  id: string;
  subject: string;
  body: Envelope;
  traceparent: string | null;
  republished: number;
}

const log = logger('outbox');
const sent = counter('hozen_outbox_sent', 'Events published from the outbox');
const failed = counter('hozen_outbox_failed', 'Events that could not be published at a try');

const BATCH = 100;
const FLUSH_MS = 5_000;
const CLEAN_EVERY_MS = 60 * 60 * 1000;

/**
 * Publishes what stands in the outbox, in the order of writing. Polling is the truth; `wake` only saves the wait. A
 * crash between publishing and marking publishes again: the inbox of each consumer makes that harmless.
 */
export class Relay {
  readonly #loss: BrokerLossCheck;
  readonly #pollMs: number;
  readonly #checkMs: number;
  #running: Promise<void> | undefined;
  #stopping = false;
  #awake = deferred();
  #checkAt = 0;
  #cleanAt = 0;
  #forgetReconnects: () => void = () => undefined;

  constructor(private readonly settings: RelaySettings) {
    this.#loss = new BrokerLossCheck(settings.dataSource, settings.broker, settings.replayDays ?? 2);
    this.#pollMs = settings.pollMs ?? 1_000;
    this.#checkMs = settings.checkMs ?? 60_000;
  }

  start(): void {
    if (this.#running) return;
    this.#forgetReconnects = this.settings.broker.onReconnect(() => {
      this.#checkAt = 0;
      this.wake();
    });
    this.#running = this.#run();
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    this.#forgetReconnects();
    this.wake();
    await this.#running;
  }

  wake(): void {
    this.#awake.resolve();
  }

  async #run(): Promise<void> {
    while (!this.#stopping) {
      const more = await this.#round();
      if (!more) await this.#sleep();
    }
    const until = performance.now() + FLUSH_MS;
    while (performance.now() < until && (await this.#round())) log.debug('flushing the outbox');
  }

  /** @returns whether there may be more to send at once */
  async #round(): Promise<boolean> {
    this.#awake = deferred();
    if (!this.settings.broker.isConnected) return false;
    try {
      await this.#checkForLoss();
      const more = await this.#sendBatch();
      if (!more) await this.#clean();
      return more;
    } catch (error) {
      log.warn({ error: (error as Error).message }, 'the outbox could not be sent; it is tried again');
      return false;
    }
  }

  async #sleep(): Promise<void> {
    const { promise } = this.#awake;
    let timer: NodeJS.Timeout | undefined;
    await Promise.race([
      promise,
      new Promise((resolve) => {
        timer = setTimeout(resolve, this.#pollMs);
      }),
    ]);
    clearTimeout(timer);
  }

  async #checkForLoss(): Promise<void> {
    if (performance.now() < this.#checkAt) return;
    await this.#loss.check();
    this.#checkAt = performance.now() + this.#checkMs;
  }

  /** The rows stay locked until they are marked, so that two relays never send the same row at the same time. */
  async #sendBatch(): Promise<boolean> {
    return this.settings.dataSource.transaction(async (manager) => {
      const rows = (await manager.query(SELECT_UNSENT, [BATCH])) as UnsentRow[];
      if (rows.length === 0) return false;
      await failpoint('outbox.before-publish');
      const results = await Promise.allSettled(rows.map((row) => this.#publish(row)));
      await failpoint('outbox.after-publish');
      await this.#mark(manager, rows, results);
      return rows.length === BATCH;
    });
  }

  #publish(row: UnsentRow): ReturnType<typeof send> {
    return send(this.settings.broker, row.body, {
      subject: row.subject,
      messageId: row.republished === 0 ? row.id : `${row.id}.${row.republished}`,
      parent: row.traceparent ?? undefined,
    });
  }

  async #mark(
    manager: EntityManager,
    rows: UnsentRow[],
    results: PromiseSettledResult<Awaited<ReturnType<typeof send>>>[],
  ): Promise<void> {
    const marks: { id: string; stream: string; sequence: number }[] = [];
    for (const [index, row] of rows.entries()) {
      const result = results[index];
      if (result?.status === 'fulfilled') {
        marks.push({ id: row.id, stream: result.value.stream, sequence: result.value.seq });
        sent.add(1, { event: row.body.type });
      } else {
        const error = (result?.reason as Error | undefined)?.message ?? 'not sent';
        log.warn({ event: row.body.type, id: row.id, error }, 'an event could not be published; it is tried again');
        await manager.query(MARK_UNSENT, [row.id, error]);
        failed.add(1, { event: row.body.type });
        // The stream may be gone: look before the next batch.
        this.#checkAt = 0;
      }
    }
    if (marks.length > 0) await manager.query(MARK_SENT, [JSON.stringify(marks)]);
  }

  async #clean(): Promise<void> {
    if (performance.now() < this.#cleanAt) return;
    for (const statement of DELETE_OLD) await this.settings.dataSource.query(statement);
    this.#cleanAt = performance.now() + CLEAN_EVERY_MS;
  }
}
