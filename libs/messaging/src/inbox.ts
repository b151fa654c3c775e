import { createHash, randomUUID } from 'node:crypto';
import { refusalText, type EventOf, type EventType, type Reason } from '@hozen/contracts';
import type { DataSource, EntityManager } from 'typeorm';
import { writeDeadLetter, type DeadLetter } from './outbox/dead-letter.js';
import type { Outbox } from './outbox/outbox.js';
import { INBOX_CONTENT, INSERT_INBOX } from './outbox/sql.js';
import type { Transaction } from './outbox/transaction.js';

/** Makes the effect of each event happen once, however often the event is delivered. */
export class Inbox {
  constructor(
    private readonly dataSource: DataSource,
    private readonly outbox: Outbox,
  ) {}

  /**
   * Runs `work` in one transaction with the note that the event was handled. An event handled before does nothing;
   * another one under its id is refused. When `work` throws, nothing has happened.
   */
  async handle<T extends EventType>(event: EventOf<T>, work: (tx: Transaction) => Promise<void>): Promise<void> {
    const hash = hashOf(JSON.stringify(event.data, inOrder));
    await this.outbox.inTransaction(async (tx) => {
      if (await isNew(tx.manager, event.type, event.id, hash)) return work(tx);
      if (await isOther(tx.manager, event.type, event.id, hash)) await tx.reject(event, [USED_BEFORE(event.id)]);
    });
  }

  /** @internal Notes a message that cannot be handled, once: dead letter and, for a request, its rejection. */
  async bury(letter: DeadLetter): Promise<void> {
    await this.outbox.inTransaction(async (tx) => {
      const hash = hashOf(letter.body);
      const { type, messageId } = letter;
      // What was handled under its id was another one: this one could not be read.
      const isFirst = await isNew(tx.manager, type, messageId, hash);
      if (isFirst || (await isOther(tx.manager, type, messageId, hash))) await writeDeadLetter(tx, letter);
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
      await runner.query(INSERT_INBOX, ['probe', randomUUID(), null]);
      await runner.rollbackTransaction();
      return true;
    } catch {
      return false;
    } finally {
      await runner.release();
    }
  }
}

const USED_BEFORE = (id: string): Reason => ({
  field: 'id',
  value: id,
  message: refusalText('id-used'),
});

/** The schema is the service's own, so the subject alone names the consumer. */
async function isNew(manager: EntityManager, consumer: string, messageId: string, hash: string): Promise<boolean> {
  const rows = (await manager.query(INSERT_INBOX, [consumer, messageId, hash])) as unknown[];
  return rows.length > 0;
}

/** Whether what was handled under this id was the same; of old rows it is not known, and they count as the same. */
async function isSame(manager: EntityManager, consumer: string, messageId: string, hash: string): Promise<boolean> {
  const rows = (await manager.query(INBOX_CONTENT, [consumer, messageId])) as { hash: string | null }[];
  return rows.every((row) => row.hash === null || row.hash === hash);
}

/** Whether something else was handled under this id, and this has not been seen yet. */
async function isOther(manager: EntityManager, consumer: string, messageId: string, hash: string): Promise<boolean> {
  if (await isSame(manager, consumer, messageId, hash)) return false;
  return isNew(manager, consumer, `${messageId} ${hash}`, hash);
}

/** For JSON.stringify: whoever sends the same again may write its fields in another order. */
function inOrder(_key: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

function hashOf(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
