import { randomUUID } from 'node:crypto';
import type { EventOf, EventType } from '@hozen/contracts';
import type { DataSource, EntityManager } from 'typeorm';
import { writeDeadLetter, type DeadLetter } from './outbox/dead-letter.js';
import type { Outbox } from './outbox/outbox.js';
import { INSERT_INBOX } from './outbox/sql.js';
import type { Transaction } from './outbox/transaction.js';

/** Makes the effect of each event happen once, however often the event is delivered. */
export class Inbox {
  constructor(
    private readonly dataSource: DataSource,
    private readonly outbox: Outbox,
  ) {}

  /**
   * Runs `work` in one transaction with the note that the event was handled. An event handled before does nothing. When
   * `work` throws, nothing has happened.
   */
  async handle<T extends EventType>(event: EventOf<T>, work: (tx: Transaction) => Promise<void>): Promise<void> {
    await this.outbox.inTransaction(async (tx) => {
      if (await isNew(tx.manager, event.type, event.id)) await work(tx);
    });
  }

  /** @internal Notes a message that cannot be handled, once: dead letter and, for a request, its rejection. */
  async bury(letter: DeadLetter): Promise<void> {
    await this.outbox.inTransaction(async (tx) => {
      if (await isNew(tx.manager, letter.type, letter.messageId)) await writeDeadLetter(tx, letter);
    });
  }

  /**
   * @internal Whether a message could be handled now; to tell an outage of the database from a fault of a handler. It
   * really writes: a server that became a standby, or has no room, still answers questions.
   */
  async isWritable(): Promise<boolean> {
    const runner = this.dataSource.createQueryRunner();
    try {
      await runner.startTransaction();
      await runner.query(INSERT_INBOX, ['probe', randomUUID()]);
      await runner.rollbackTransaction();
      return true;
    } catch {
      return false;
    } finally {
      await runner.release();
    }
  }
}

/** The schema is the service's own, so the subject alone names the consumer. */
async function isNew(manager: EntityManager, consumer: string, messageId: string): Promise<boolean> {
  const rows = (await manager.query(INSERT_INBOX, [consumer, messageId])) as unknown[];
  return rows.length > 0;
}
