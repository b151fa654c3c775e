import {
  type BackupAccepted,
  type BackupRejected,
  type BackupRequested,
  HozenError,
  newEvent,
  type Reason,
  streamOf,
  validate,
  BackupRequested as BackupRequestedContract,
} from '@hozen/contracts';
import { connectBroker, publishEvent, type Broker } from '@hozen/messaging';
import { DeliverPolicy } from '@nats-io/jetstream';
import type { Context } from '../context.js';
import { addressOfService } from './addresses.js';
import { Refusal } from './refusal.js';

const CONNECT_MS = 5_000;
/** How long to wait for a worker's answer to the request; the request itself is kept for days. */
const ANSWER_MS = 10_000;

export type Answer =
  { kind: 'accepted'; runId: string } | { kind: 'rejected'; reasons: Reason[] } | { kind: 'unanswered' };

/** A request that the broker has stored. */
export interface Asked {
  requestId: string;
  /** What the workers say to it. */
  answer: Answer;
}

/**
 * Publishes `backup.requested` and waits a moment for the workers to accept or reject it.
 * @param onPublished told the request's id as soon as the broker has it
 * @throws Refusal when the request is not valid; HozenError SERVICE_UNREACHABLE
 */
export async function askForBackup(
  context: Context,
  request: BackupRequested,
  onPublished: (requestId: string) => void = () => undefined,
): Promise<Asked> {
  const checked = validate(BackupRequestedContract, request);
  if (!checked.ok) throw invalidRequest(checked.reasons);
  const url = await addressOfService(context, 'nats');
  await using broker = await connectBroker({ url, name: 'hozen/cli', waitMs: CONNECT_MS });
  const event = newEvent('backup.requested', checked.value, { source: 'hozen/cli' });
  const { seq } = await publishEvent(broker, event);
  onPublished(event.id);
  return { requestId: event.id, answer: await answerTo(context, broker, event.id, seq) };
}

async function answerTo(context: Context, broker: Broker, requestId: string, after: number): Promise<Answer> {
  const consumer = await broker.js.consumers.get(streamOf('backup.requested'), {
    filter_subjects: 'backup.*',
    deliver_policy: DeliverPolicy.StartSequence,
    opt_start_seq: after,
  });
  const messages = await consumer.consume();
  const stop = () => messages.stop();
  const deadline = AbortSignal.any([context.signal, AbortSignal.timeout(ANSWER_MS)]);
  deadline.addEventListener('abort', stop, { once: true });
  try {
    for await (const message of messages) {
      const answer = answerIn(message.subject, message.string(), requestId);
      if (answer) return answer;
    }
    return { kind: 'unanswered' };
  } finally {
    deadline.removeEventListener('abort', stop);
    await messages.close();
  }
}

function answerIn(subject: string, body: string, requestId: string): Answer | undefined {
  if (subject !== 'backup.accepted' && subject !== 'backup.rejected') return undefined;
  const { data } = JSON.parse(body) as { data: BackupAccepted & BackupRejected };
  if (data.requestId !== requestId) return undefined;
  return subject === 'backup.accepted'
    ? { kind: 'accepted', runId: data.runId }
    : { kind: 'rejected', reasons: data.reasons };
}

/** The same words that a service would use for it. */
export function invalidRequest(reasons: Reason[]): Refusal {
  const { code, message, hint } = new HozenError('REQUEST_INVALID');
  return new Refusal('hozen', 400, { error: { code, message, hint }, reasons });
}
