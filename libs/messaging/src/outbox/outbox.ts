import type { DataSource } from 'typeorm';
import type { Broker } from '../broker/broker.js';
import { Relay, type RelaySettings } from './relay.js';
import { OutboxTransaction, type Transaction } from './transaction.js';

export interface OutboxSettings extends RelaySettings {
  dataSource: DataSource;
  broker: Broker;
  /** Name of the service: the source of what it rejects. */
  service: string;
}

/**
 * Where state and events become one: what `transaction` commits is published, whatever dies afterwards. A relay in this
 * process sends what is written; those of other processes of the service send it when this one cannot.
 */
export class Outbox {
  readonly #relay: Relay;

  constructor(private readonly settings: OutboxSettings) {
    this.#relay = new Relay(settings);
  }

  /** Runs `work` in a transaction and wakes the relay after the commit. Inside, use only `tx.manager`. */
  async transaction<T>(work: (tx: Transaction) => Promise<T>): Promise<T> {
    return this.inTransaction(work);
  }

  /** @internal */
  async inTransaction<T>(work: (tx: OutboxTransaction) => Promise<T>): Promise<T> {
    let published = false;
    const result = await this.settings.dataSource.transaction(async (manager) => {
      const tx = new OutboxTransaction(manager, this.settings.service);
      const value = await work(tx);
      published = tx.published;
      return value;
    });
    if (published) this.wake();
    return result;
  }

  /** Starts sending: what is left from before, then whatever is written. */
  start(): void {
    this.#relay.start();
  }

  /** Sends at once what can be sent, for a few seconds at most, and stops. What is left is sent at the next start. */
  async stop(): Promise<void> {
    await this.#relay.stop();
  }

  /** Looks for unsent events now instead of at the next poll. */
  wake(): void {
    this.#relay.wake();
  }
}
