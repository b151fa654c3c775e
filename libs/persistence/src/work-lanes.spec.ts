import { expect, it } from 'vitest';
import { HozenError } from '@hozen/contracts';
import { HandBack, JobSignals, LeaseKeeper, WorkLanes } from './index.js';

it('does every job once, in as many lanes as asked for, woken instead of polled', async () => {
  const jobs = [1, 2, 3, 4, 5];
  const done: number[] = [];
  let running = 0;
  let most = 0;
  const lanes = new WorkLanes<number>({
    lanes: 2,
    pollMs: 3_600_000,
    claim: () => Promise.resolve(jobs.shift()),
    work: async (job) => {
      most = Math.max(most, ++running);
      await new Promise(setImmediate);
      running--;
      done.push(job);
    },
  });
  lanes.start();
  await expect.poll(() => done.length).toBe(5);
  jobs.push(6);
  lanes.wake();
  await expect.poll(() => done.length).toBe(6);
  await lanes.stop();
  expect(done.toSorted((a, b) => a - b)).toEqual([1, 2, 3, 4, 5, 6]);
  expect(most).toBe(2);
});

it('asks once when woken for one job, and lets as many lanes work as there are jobs', async () => {
  const jobs: number[] = [];
  let claims = 0;
  const held = Promise.withResolvers<void>();
  const done: number[] = [];
  const lanes = new WorkLanes<number>({
    lanes: 4,
    pollMs: 3_600_000,
    claim: () => {
      claims++;
      return Promise.resolve(jobs.shift());
    },
    work: async (job) => {
      await held.promise;
      done.push(job);
    },
  });
  lanes.start();
  await expect.poll(() => claims).toBe(4);
  lanes.wake();
  await expect.poll(() => claims).toBe(5);
  // Whoever finds one wakes the next, until all lanes are at work.
  jobs.push(1, 2, 3, 4, 5);
  lanes.wake();
  await expect.poll(() => jobs.length).toBe(1);
  expect(lanes.hasFree).toBe(false);
  held.resolve();
  await expect.poll(() => done.length).toBe(5);
  await expect.poll(() => lanes.hasFree).toBe(true);
  await lanes.stop();
  expect(lanes.hasFree).toBe(false);
});

it('goes on after a claim or a job that failed', async () => {
  const answers: (() => Promise<string | undefined>)[] = [
    () => Promise.reject(new Error('no database')),
    () => Promise.resolve('bad'),
    () => Promise.resolve('good'),
  ];
  const done: string[] = [];
  const lanes = new WorkLanes<string>({
    lanes: 1,
    pollMs: 1,
    claim: async () => answers.shift()?.(),
    work: (job) => {
      done.push(job);
      return job === 'bad' ? Promise.reject(new Error('unsettled')) : Promise.resolve();
    },
  });
  lanes.start();
  await expect.poll(() => done).toEqual(['bad', 'good']);
  await lanes.stop();
});

const keptFor = (ttlMs: number) => LeaseKeeper.keep({ ttlMs, marginMs: 0, everyMs: 60_000, renew: async () => true });
const timedOut = new HozenError('TIMED_OUT', { minutes: 1 });

it('tells whether a job was stopped by its time-out, a cancellation, the shutdown or the loss of its lease', async () => {
  const reasonOf = async (
    ttlMs: number,
    limitMs: number,
    stop: (signals: JobSignals) => void,
    shutdown?: AbortSignal,
  ) => {
    await using lease = keptFor(ttlMs);
    using signals = new JobSignals(lease, shutdown ?? new AbortController().signal, limitMs, timedOut);
    stop(signals);
    await expect.poll(() => signals.signal.aborted).toBe(true);
    return signals.reasonOr(new Error('a consequence'));
  };
  expect(await reasonOf(60_000, 1, () => undefined)).toBe(timedOut);
  expect(await reasonOf(60_000, 60_000, (signals) => signals.cancel())).toMatchObject({ code: 'CANCELLED' });
  expect(await reasonOf(60_000, 60_000, () => undefined, AbortSignal.abort())).toBeInstanceOf(HandBack);
  expect(await reasonOf(1, 60_000, () => undefined)).toMatchObject({ code: 'LEASE_LOST' });
});
