import { STREAMS, type StreamDefinition } from '@hozen/contracts';
import { logger } from '@hozen/telemetry';
import type { StreamInfo } from '@nats-io/jetstream';
import type { DataSource, EntityManager } from 'typeorm';
import type { Broker } from '../broker/broker.js';
import { ensureStream } from '../broker/streams.js';
import {
  INSERT_POSITION,
  LOCK_POSITION,
  NEWEST_SENT,
  UNSEND_ALL,
  UNSEND_REMOVED,
  UPDATE_POSITION,
} from './loss-sql.js';

interface Position {
  broker_created_at: Date | null;
  last_sequence: string;
}

const log = logger('outbox');

/**
 * Finds streams that lost messages (a new store, an old copy of it, an emptied stream) and has what this service sent
 * in the last days published again: the marks are taken back, so the relay sends the events in their order, even if
 * this process dies meanwhile. Consumers that had them already know them by their inbox.
 */
export class BrokerLossCheck {
  constructor(
    private readonly dataSource: DataSource,
    private readonly broker: Broker,
    private readonly replayDays: number,
  ) {}

  async check(): Promise<void> {
    for (const stream of STREAMS) await this.#checkStream(stream);
  }

  /** The row of the stream is locked meanwhile: several relays of a service must not republish one after another. */
  async #checkStream(definition: StreamDefinition): Promise<void> {
    await this.dataSource.transaction(async (manager) => {
      await manager.query(INSERT_POSITION, [definition.name]);
      const [position] = (await manager.query(LOCK_POSITION, [definition.name])) as Position[];
      const stream = await this.broker.answerOf(ensureStream(this.broker, definition));
      const lost = position !== undefined && (await this.#hasLost(manager, stream, position));
      const again = await unsend(manager, lost ? UNSEND_ALL : UNSEND_REMOVED, [
        definition.name,
        this.replayDays,
        ...(lost ? [] : [stream.state.first_seq]),
      ]);
      if (again > 0) {
        log.warn({ stream: definition.name, events: again }, 'the broker lost messages; publishing them again');
      }
      await manager.query(UPDATE_POSITION, [definition.name, stream.created, stream.state.last_seq]);
    });
  }

  async #hasLost(manager: EntityManager, stream: StreamInfo, position: Position): Promise<boolean> {
    if (position.broker_created_at === null) return false;
    if (position.broker_created_at.getTime() !== new Date(stream.created).getTime()) return true;
    if (stream.state.last_seq < Number(position.last_sequence)) return true;
    return !(await this.#holdsNewest(manager, stream));
  }

  /**
   * A copy of an older store looks intact as soon as others have published enough into it; but where our newest event
   * stood there is another message now.
   */
  async #holdsNewest(manager: EntityManager, stream: StreamInfo): Promise<boolean> {
    const [newest] = (await manager.query(NEWEST_SENT, [stream.config.name, this.replayDays])) as {
      id: string;
      stream_sequence: string;
    }[];
    if (!newest || Number(newest.stream_sequence) < stream.state.first_seq) return true;
    const sequence = Number(newest.stream_sequence);
    const message = await this.broker.answerOf(
      this.broker.jsm.streams.getMessage(stream.config.name, { seq: sequence }),
    );
    return message?.header.get('Nats-Msg-Id').startsWith(newest.id) ?? false;
  }
}

async function unsend(manager: EntityManager, statement: string, parameters: unknown[]): Promise<number> {
  const [rows] = (await manager.query(statement, parameters)) as [unknown[], number];
  return rows.length;
}
