import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { eventually, type TestPostgres } from '@hozen/testkit';
import { sampleConfiguration, sampleTarget, waitingForALock } from '../src/sample-target.js';
import { expectSettled } from '../src/settled.js';
import { Stack } from '../src/stack.js';

let target: TestPostgres;
let stack: Stack;
let storage: string;

beforeEach(async () => {
  target = await sampleTarget();
  stack = await Stack.start(['notifier', 'backup-worker'], { SAMPLE_PASSWORD: target.password });
  storage = stack.home.join('storage');
  await stack.configureBackups(sampleConfiguration(target, storage));
});
afterEach(async () => {
  await stack?.[Symbol.asyncDispose]();
  await target?.[Symbol.asyncDispose]();
});

/** Does something to the platform while a run is held in the middle of its dump. */
async function duringARun(disturb: () => Promise<void>): Promise<string> {
  await using blocker = await target.client('shop');
  await blocker.query('BEGIN; LOCK TABLE orders IN ACCESS EXCLUSIVE MODE');
  const request = await stack.request('backup.requested', { config: 'nightly' });
  await waitingForALock(target);
  await disturb();
  await blocker.query('ROLLBACK');
  return request;
}

describe('the run goes on, and ends once, when in its middle', () => {
  it('nats-server is killed and restarted', async () => {
    const request = await duringARun(() => stack.nats.restart('SIGKILL'));
    expect(await expectSettled(stack, target, request, storage)).toMatchObject({ state: 'completed' });
  });

  it('the whole JetStream store is removed', async () => {
    const request = await duringARun(() => stack.nats.loseEverything());
    expect(await expectSettled(stack, target, request, storage)).toMatchObject({ state: 'completed' });
  });

  it("the services' PostgreSQL is restarted without a shutdown", async () => {
    const request = await duringARun(() => stack.platform.restart('immediate'));
    expect(await expectSettled(stack, target, request, storage)).toMatchObject({ state: 'completed' });
  });
});

it('a broker that loses its store after the run has every event again, and nobody is told twice', async () => {
  const request = await stack.request('backup.requested', { config: 'nightly' });
  const run = await expectSettled(stack, target, request, storage);
  await stack.nats.loseEverything();
  await eventually(async () => expect(await stack.events.stored('BACKUP', 'backup.completed')).toBe(1), {
    within: 90_000,
  });
  await stack.quietTime();
  expect(stack.mail.messages.filter((mail) => mail.text.includes(run.id))).toHaveLength(1);
});

it('a scheduler killed between its decision and the publishing: the fire is published once', async () => {
  const scheduler = await stack.startService('scheduler', {
    HOZEN_FAILPOINTS: `scheduler.decided=kill@${stack.home.join('marker')}`,
  });
  await stack.configureSchedules({
    schedules: [{ name: 'soon', cron: '* * * * * *', request: { config: 'nightly' } }],
  });
  await scheduler.exit();
  await using platform = await stack.platform.client(stack.databases.database);
  // No further slot: what is published now was decided before the death.
  await platform.query('UPDATE scheduler.schedules SET enabled = false');
  const fired = await platform.query(`SELECT FROM scheduler.schedule_fires WHERE result = 'fired'`);
  expect(fired.rowCount).toBeGreaterThanOrEqual(1);
  await stack.startService('scheduler');
  await eventually(async () => expect(stack.events.of('backup.requested')).toHaveLength(fired.rowCount ?? -1), {
    within: 30_000,
  });
  await stack.quietTime();
  expect(stack.events.of('backup.requested')).toHaveLength(fired.rowCount ?? -1);
});
