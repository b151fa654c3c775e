import { streamOf } from '@hozen/contracts';
import { logger } from '@hozen/telemetry';
import {
  AckPolicy,
  DeliverPolicy,
  JetStreamApiCodes,
  type ConsumerConfig,
  type ConsumerInfo,
} from '@nats-io/jetstream';
import { nanos } from '@nats-io/transport-node';
import type { Broker } from './broker.js';
import { refuseUnknownOptions } from './server-features.js';
import { findStream, isApiError } from './streams.js';

const log = logger('broker');

/** A durable consumer: one service's position in one subject. */
export interface ConsumerDefinition {
  service: string;
  subject: string;
  /** ms after which a message that nobody speaks for is delivered again. */
  ackWaitMs: number;
}

export function durableNameOf(consumer: ConsumerDefinition): string {
  return `${consumer.service}-${consumer.subject.replaceAll('.', '-')}`;
}

/**
 * Creates the consumer when it is missing, updates it when it differs, and replaces it when it has lost its place: a
 * consumer that is ahead of its stream (the store was rolled back) would silently skip every message up to its position.
 */
export async function ensureConsumer(broker: Broker, consumer: ConsumerDefinition): Promise<void> {
  const stream = streamOf(consumer.subject);
  const durable = durableNameOf(consumer);
  const wanted = settingsOf(consumer);
  refuseUnknownOptions(broker.version, 'consumer', wanted);
  const found = await findConsumer(broker, stream, durable);
  if (found && (await isAheadOfStream(broker, found))) {
    log.warn({ stream, consumer: durable }, 'the consumer is ahead of its stream; replacing it');
    await broker.jsm.consumers.delete(stream, durable);
  } else if (found) {
    if (found.config.ack_wait !== wanted.ack_wait) await broker.jsm.consumers.update(stream, durable, wanted);
    return;
  }
  log.info({ stream, consumer: durable }, 'creating the consumer');
  await broker.jsm.consumers.add(stream, wanted);
}

async function findConsumer(broker: Broker, stream: string, durable: string): Promise<ConsumerInfo | undefined> {
  try {
    return await broker.jsm.consumers.info(stream, durable);
  } catch (error) {
    if (isApiError(error, JetStreamApiCodes.ConsumerNotFound)) return undefined;
    throw error;
  }
}

/** The stream is asked after the consumer: what was delivered meanwhile is in it. */
async function isAheadOfStream(broker: Broker, consumer: ConsumerInfo): Promise<boolean> {
  const stream = await findStream(broker, consumer.stream_name);
  return stream !== undefined && consumer.delivered.stream_seq > stream.state.last_seq;
}

/**
 * `max_deliver` is off: the server would stop delivering without telling anyone; the transport counts and buries. No
 * `backoff`: it would overwrite `ack_wait` and is ignored by a negative acknowledgement.
 */
function settingsOf(consumer: ConsumerDefinition): Partial<ConsumerConfig> {
  return {
    durable_name: durableNameOf(consumer),
    filter_subject: consumer.subject,
    ack_policy: AckPolicy.Explicit,
    deliver_policy: DeliverPolicy.All,
    ack_wait: nanos(consumer.ackWaitMs),
    max_deliver: -1,
  };
}
