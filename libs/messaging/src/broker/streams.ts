import { STREAMS, type StreamDefinition } from '@hozen/contracts';
import { logger } from '@hozen/telemetry';
import {
  DiscardPolicy,
  JetStreamApiCodes,
  JetStreamApiError,
  RetentionPolicy,
  StorageType,
  type StreamInfo,
  type StreamUpdateConfig,
} from '@nats-io/jetstream';
import { nanos } from '@nats-io/transport-node';
import type { Broker } from './broker.js';
import { refuseUnknownOptions } from './server-features.js';

const log = logger('broker');

const DAY_MS = 24 * 60 * 60 * 1000;
const DUPLICATE_WINDOW_MS = 2 * 60 * 1000;

/** Creates the streams that are missing and updates those that differ. Any number of processes may do it at once. */
export async function ensureStreams(broker: Broker, streams: readonly StreamDefinition[] = STREAMS): Promise<void> {
  for (const each of streams) await ensureStream(broker, each);
}

export async function ensureStream(broker: Broker, stream: StreamDefinition): Promise<StreamInfo> {
  const wanted = settingsOf(stream);
  refuseUnknownOptions(broker.version, 'stream', wanted);
  const found = await findStream(broker, stream.name);
  if (!found) return createStream(broker, stream.name, wanted);
  if (!differs(found.config, wanted)) return found;
  log.info({ stream: stream.name }, 'updating the stream');
  return broker.jsm.streams.update(stream.name, { ...found.config, ...wanted });
}

export async function findStream(broker: Broker, name: string): Promise<StreamInfo | undefined> {
  try {
    return await broker.jsm.streams.info(name);
  } catch (error) {
    if (isApiError(error, JetStreamApiCodes.StreamNotFound)) return undefined;
    throw error;
  }
}

export function isApiError(error: unknown, code: number): boolean {
  return error instanceof JetStreamApiError && error.code === code;
}

async function createStream(broker: Broker, name: string, wanted: Partial<StreamUpdateConfig>): Promise<StreamInfo> {
  log.info({ stream: name }, 'creating the stream');
  return broker.jsm.streams.add({
    name,
    retention: RetentionPolicy.Limits,
    storage: StorageType.File,
    ...wanted,
  });
}

/** No limit but age: what a limit drops without a word looks like a loss of the broker. */
function settingsOf(stream: StreamDefinition): Partial<StreamUpdateConfig> {
  return {
    subjects: [...stream.subjects],
    max_age: nanos(stream.maxAgeDays * DAY_MS),
    max_msgs: -1,
    max_bytes: -1,
    discard: DiscardPolicy.Old,
    duplicate_window: nanos(DUPLICATE_WINDOW_MS),
  };
}

function differs(have: StreamUpdateConfig, wanted: Partial<StreamUpdateConfig>): boolean {
  return Object.entries(wanted).some(
    ([name, value]) => JSON.stringify(have[name as keyof StreamUpdateConfig]) !== JSON.stringify(value),
  );
}
