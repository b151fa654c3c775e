import { eventually, OtlpReceiver, ServiceDatabases, TestNats, TestPostgres, type ReceivedSpan } from '@hozen/testkit';
import { shutdownTelemetry, traceIdOf } from '@hozen/telemetry';
import { headers } from '@nats-io/transport-node';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { newEvent } from '@hozen/contracts';
import { publishEvent } from '../outbox/publish-event.js';
import { backupRequested, ServiceUnderTest } from '../spec-support/service-under-test.js';

let receiver: OtlpReceiver;
let postgres: TestPostgres;
let nats: TestNats;

beforeAll(async () => {
  [receiver, postgres, nats] = await Promise.all([OtlpReceiver.start(), TestPostgres.start(), TestNats.start()]);
  process.env['OTEL_EXPORTER_OTLP_ENDPOINT'] = receiver.url;
  await import('@hozen/telemetry/register');
});
afterAll(async () => {
  await shutdownTelemetry();
  await Promise.all([receiver, postgres, nats].map((each) => each[Symbol.asyncDispose]()));
});

const start = async (handler: Parameters<typeof ServiceUnderTest.start>[0]['handler']) => {
  const { urls } = await ServiceDatabases.provision(postgres);
  return ServiceUnderTest.start({ natsUrl: nats.url, databaseUrl: urls.backup, ...(handler ? { handler } : {}) });
};

const named = (spans: readonly ReceivedSpan[], name: string) => spans.filter((span) => span.name === name);

it('joins request, retry, handler and answer in one trace, with the deliveries to be seen', async () => {
  const traceparents: (string | undefined)[] = [];
  await using service = await start(async (event, context, under) => {
    traceparents.push(event.traceparent);
    if (context.deliveryCount === 1) throw new Error('not yet');
    await under.effect(event, (tx) =>
      tx.publish(newEvent('backup.rejected', { requestId: event.id, reasons: [] }, { source: 'spec' })),
    );
  });
  const header = headers();
  header.set('Traceparent', `00-${'ab'.repeat(16)}-${'cd'.repeat(8)}-01`);
  await service.broker.js.publish('backup.requested', '{"config":"nightly"}', { headers: header });
  const spans = await eventually(() => {
    const found = receiver.spans('ab'.repeat(16));
    expect(named(found, 'send backup.rejected')).toHaveLength(1);
    expect(named(found, 'process backup.requested')).toHaveLength(2);
    return found;
  });
  const [first, second] = named(spans, 'process backup.requested').toSorted(
    (a, b) =>
      Number(a.attributes['messaging.nats.delivery_count']) - Number(b.attributes['messaging.nats.delivery_count']),
  );
  expect(first).toMatchObject({ parentSpanId: 'cd'.repeat(8), kind: 5, error: 'not yet' });
  expect(first?.attributes).toMatchObject({ 'hozen.outcome': 'retry', 'messaging.nats.redelivered': false });
  expect(second?.attributes).toMatchObject({ 'hozen.outcome': 'done', 'messaging.nats.redelivered': true });
  expect(named(spans, 'send backup.rejected')[0]).toMatchObject({ kind: 4, parentSpanId: second?.spanId });
  expect(traceparents[1]).toBe(`00-${'ab'.repeat(16)}-${second?.spanId}-01`);
  const answer = await service.broker.jsm.streams.getMessage('BACKUP', { last_by_subj: 'backup.rejected' });
  const sent = named(spans, 'send backup.rejected')[0]?.spanId;
  expect(answer?.header.get('traceparent')).toBe(`00-${'ab'.repeat(16)}-${sent}-01`);
});

it('gives a request without a trace a new one, which its later events continue', async () => {
  let given: string | undefined;
  await using service = await start(async (event, _context, under) => {
    given = event.traceparent;
    await under.effect(event, (tx) => tx.reject(event, [{ field: '', message: 'no' }]));
  });
  await service.broker.js.publish('backup.requested', '{"config":"nightly"}');
  const answer = await eventually(async () => {
    const found = await service.broker.jsm.streams.getMessage('BACKUP', { last_by_subj: 'backup.rejected' });
    if (!found || traceIdOf(found.header.get('traceparent')) !== traceIdOf(given)) throw new Error('not there yet');
    return found;
  });
  expect(answer.json<{ traceparent: string }>().traceparent).toBe(answer.header.get('traceparent'));
});

it('starts the trace of an event that somebody publishes directly', async () => {
  let given: string | undefined;
  await using service = await start(async (event, _context, under) => {
    await under.effect(event);
    given = event.traceparent;
  });
  await publishEvent(service.broker, backupRequested());
  const traceId = await eventually(() => {
    if (given === undefined) throw new Error('not handled yet');
    return traceIdOf(given);
  });
  await eventually(() => {
    const names = receiver.spans(traceId).map((span) => span.name);
    expect(names).toEqual(expect.arrayContaining(['send backup.requested', 'process backup.requested']));
  });
});
