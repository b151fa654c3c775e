import { setTimeout as delay } from 'node:timers/promises';
import { HozenError, type EventOf, type EventType } from '@hozen/contracts';
import { currentTraceparent } from '@hozen/telemetry';
import type { PubAck } from '@nats-io/jetstream';
import { NoRespondersError, RequestError } from '@nats-io/transport-node';
import type { Broker } from '../broker/broker.js';
import { ensureStreams } from '../broker/streams.js';
import { send } from './send.js';

const CONNECT_MS = 5_000;

/**
 * Publishes an event for those who have no outbox (the command line); returns when the broker has stored it.
 * @throws HozenError SERVICE_UNREACHABLE when the broker does not confirm in time; it may have stored the event all the
 *   same, and publishing the same event again is safe
 */
export async function publishEvent<T extends EventType>(broker: Broker, event: EventOf<T>): Promise<PubAck> {
  const options = { subject: event.type, messageId: event.id, parent: currentTraceparent() ?? event.traceparent };
  await connectedSoon(broker);
  try {
    return await send(broker, event, options);
  } catch (error) {
    if (!isWithoutStream(error)) throw unreachable(broker, error);
  }
  await ensureStreams(broker);
  return send(broker, event, options).catch((error: unknown) => {
    throw unreachable(broker, error);
  });
}

/** What is published without a connection is lost without a word. */
async function connectedSoon(broker: Broker): Promise<void> {
  const timer = new AbortController();
  await Promise.race([
    broker.connected(),
    delay(CONNECT_MS, undefined, { signal: timer.signal }).catch(() => undefined),
  ]);
  timer.abort();
  if (!broker.isConnected) throw unreachable(broker, new Error('there is no connection'));
}

function isWithoutStream(error: unknown): boolean {
  const causes = [error, (error as Error).cause];
  return causes.some(
    (each) => each instanceof NoRespondersError || (each instanceof RequestError && each.isNoResponders()),
  );
}

function unreachable(broker: Broker, cause: unknown): HozenError {
  const url = broker.nc.getServer();
  return new HozenError('SERVICE_UNREACHABLE', { url, option: 'nats', variable: 'HOZEN_NATS_URL' }, { cause });
}
