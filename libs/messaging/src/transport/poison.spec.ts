import { eventually, ServiceDatabases, TestNats, TestPostgres } from '@hozen/testkit';
import { headers } from '@nats-io/transport-node';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { ServiceUnderTest } from '../spec-support/service-under-test.js';

let postgres: TestPostgres;
let nats: TestNats;
let databases: ServiceDatabases;

beforeAll(async () => {
  postgres = await TestPostgres.start();
});
// A broker for each test: streams and consumers have the same names in all of them.
beforeEach(async () => {
  [nats, databases] = await Promise.all([TestNats.start(), ServiceDatabases.provision(postgres)]);
  return () => nats[Symbol.asyncDispose]();
});
afterAll(() => postgres[Symbol.asyncDispose]());

const deep = (levels: number) => `{"config":"nightly","reason":${'['.repeat(levels)}${']'.repeat(levels)}}`;
const NUL = String.raw`\u0000`;
const LONE = String.raw`\ud800`;

describe('a message that nothing can be made of', () => {
  it.each([
    ['has U+0000 in the name of a field', `{"config":"nightly","a${NUL}b":1}`],
    ['has U+0000 in a value that is refused', `{"config":7,"level":"${NUL}"}`],
    ['has half a character in a value that is refused', `{"config":"nightly","level":"${LONE}"}`],
    ['has half a character in the name of a field', `{"config":"nightly","a${LONE}b":1}`],
    ['has half a character in the name of its config', `{"config":"${LONE}"}`],
    [
      'has half a character in its id',
      `{"specversion":"1.0","id":"x${LONE}","type":"backup.requested","source":"x","time":"2026-01-01T00:00:00Z","datacontenttype":"application/json","dataschema":"hozen:backup.requested:v1","data":{"config":7}}`,
    ],
    ['is nested deeper than a stack', deep(100_000)],
    ['is as large as the broker takes, of control characters', '\u0001'.repeat(1_000_000)],
  ])('%s: is answered and kept, and does not come back', async (_what, body) => {
    await using service = await ServiceUnderTest.start({
      natsUrl: nats.url,
      databaseUrl: databases.urls.backup,
      handler: (event, _context, under) =>
        under.inbox.handle(event, (tx) =>
          tx.reject(event, [{ field: 'config', value: event.data.config, message: 'there is none' }]),
        ),
      server: { maxDeliveries: 3, ackWaitMs: 1_000 },
    });
    await service.broker.js.publish('backup.requested', body, { headers: headers() });
    await eventually(
      async () => {
        const { num_pending, num_ack_pending } = await service.broker.jsm.consumers.info(
          'BACKUP',
          'backup-backup-requested',
        );
        expect({ num_pending, num_ack_pending }).toEqual({ num_pending: 0, num_ack_pending: 0 });
        const unsent = (await service.dataSource.query(
          'select subject, last_error from outbox where sent_at is null',
        )) as unknown[];
        expect(unsent).toEqual([]);
        const subjects = [...(await service.messagesIn('BACKUP')), ...(await service.messagesIn('DEADLETTER'))].map(
          (e) => e.subject,
        );
        expect(subjects).toEqual(['backup.requested', 'backup.rejected', 'deadletter.backup.backup.requested']);
      },
      { within: 8_000 },
    );
  });
});
