import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { eventually, type TestPostgres } from '@hozen/testkit';
import { processState } from '../src/file-state.js';
import { sampleConfiguration, sampleTarget, waitingForALock } from '../src/sample-target.js';
import { expectSettled } from '../src/settled.js';
import { Stack } from '../src/stack.js';

let target: TestPostgres;
let stack: Stack;
let storage: string;

beforeEach(async () => {
  target = await sampleTarget();
  stack = await Stack.start(['notifier'], { SAMPLE_PASSWORD: target.password });
  storage = stack.home.join('storage');
});
afterEach(async () => {
  await stack?.[Symbol.asyncDispose]();
  await target?.[Symbol.asyncDispose]();
});

/** A worker that dies at `place` of its first run. */
async function dyingWorker(place: string): Promise<string> {
  const worker = await stack.startService('backup-worker', {
    HOZEN_FAILPOINTS: `${place}=kill@${stack.home.join(`${place}.marker`)}`,
  });
  await stack.configureBackups(sampleConfiguration(target, storage));
  const request = await stack.request('backup.requested', { config: 'nightly' });
  await worker.exit();
  return request;
}

describe('a backup worker killed with SIGKILL', () => {
  it.each([
    'commit.before-data',
    'commit.after-data',
    'commit.after-checksum',
    'commit.after-manifest',
    'run.before-finish',
    'run.finished',
  ])('at %s: the next worker ends the run as completed, once', async (place) => {
    const request = await dyingWorker(place);
    await stack.startService('backup-worker');
    const run = await expectSettled(stack, target, request, storage);
    expect(run.state).toBe('completed');
    const adopted = ['commit.after-manifest', 'run.before-finish'].includes(place);
    // What was committed is proven by the next owner; it is not dumped again.
    if (adopted) expect(run.attempts.map((attempt) => attempt.status)).toEqual(['failure', 'success']);
  });

  it('in the middle of the dump: children die with it, another worker takes over within 20 s', async () => {
    await using blocker = await target.client('shop');
    const worker = await stack.startService('backup-worker');
    await stack.configureBackups(sampleConfiguration(target, storage));
    await blocker.query('BEGIN; LOCK TABLE orders IN ACCESS EXCLUSIVE MODE');
    const request = await stack.request('backup.requested', { config: 'nightly' });
    await waitingForALock(target);
    worker.signal('SIGKILL');
    await worker.exit();
    const killedAt = performance.now();
    await blocker.query('ROLLBACK');
    await stack.startService('backup-worker');
    await stack.runWhen(request, (run) => run.attempts.length === 2, 30_000);
    expect((performance.now() - killedAt) / 1000).toBeLessThan(20);
    expect((await expectSettled(stack, target, request, storage)).state).toBe('completed');
  });

  it('is taken over by a worker that was there all the time', async () => {
    await stack.startService('backup-worker', {
      HOZEN_FAILPOINTS: `commit.after-data=kill@${stack.home.join('marker')}`,
    });
    await stack.startService('backup-worker', {
      HOZEN_FAILPOINTS: `commit.after-data=kill@${stack.home.join('marker')}`,
    });
    await stack.configureBackups(sampleConfiguration(target, storage));
    const request = await stack.request('backup.requested', { config: 'nightly' });
    const run = await expectSettled(stack, target, request, storage);
    expect(run.state).toBe('completed');
    expect(run.attempts).toHaveLength(2);
  });

  it('again and again: the run fails as abandoned instead of going on for ever', async () => {
    await stack.startService('backup-worker', { HOZEN_EXECUTOR_LANES: '0' });
    await stack.configureBackups(sampleConfiguration(target, storage));
    const request = await stack.request('backup.requested', { config: 'nightly' });
    for (let death = 0; death < 3; death++) {
      const worker = await stack.startService('backup-worker', { HOZEN_FAILPOINTS: 'commit.before-data=kill' });
      await worker.exit();
    }
    await stack.startService('backup-worker');
    const run = await expectSettled(stack, target, request, storage);
    expect(run).toMatchObject({ state: 'failed', error: { code: 'ABANDONED' } });
  });
});

describe('a paused backup worker', () => {
  it('that wakes up after another has taken over publishes and deletes nothing', async () => {
    const worker = await stack.startService('backup-worker', {
      HOZEN_FAILPOINTS: `commit.after-data=pause@${stack.home.join('marker')}`,
    });
    await stack.configureBackups(sampleConfiguration(target, storage));
    const request = await stack.request('backup.requested', { config: 'nightly' });
    await eventually(async () => expect(await processState(worker.pid)).toBe('T'), { within: 30_000 });
    await stack.startService('backup-worker');
    const run = await stack.runEnded(request, 120_000);
    expect(run.state).toBe('completed');
    worker.signal('SIGCONT');
    await eventually(async () => expect(await worker.log()).toContain('the lease is lost'), { within: 20_000 });
    await expectSettled(stack, target, request, storage);
  });
});
