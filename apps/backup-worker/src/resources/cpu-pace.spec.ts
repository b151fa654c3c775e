import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { eventually } from '@hozen/testkit';
import { expect, it } from 'vitest';
import { CpuPace } from './cpu-pace.js';
import { cpuTimeMs } from './cpu-time.js';
import { SteppedClock } from './stepped-clock.fixture.js';

/** Works in pieces that take `busyMs` of time each, on `busy` processors. */
async function work(percent: readonly number[], { busy = 4, busyMs = 30, pieces = 1_000, processors = 4 } = {}) {
  const clock = new SteppedClock();
  let used = 1_234;
  const pace = new CpuPace(clock, () => Promise.resolve(used), processors);
  const shares = percent.map((each) => pace.join(each));
  await clock.run(
    (async () => {
      for (let i = 0; i < pieces; i++) {
        await pace.keep();
        clock.pass(busyMs);
        used += busy * busyMs;
      }
    })(),
  );
  shares.forEach((share) => share[Symbol.dispose]());
  return { shareUsed: (used - 1_234) / (clock.now() * processors), seconds: clock.now() / 1_000 };
}

it.each([5, 25, 50, 80])('work has %i % of the processors, although it could have all', async (percent) => {
  const { shareUsed } = await work([percent]);
  expect(shareUsed * 100).toBeLessThanOrEqual(percent + 2);
  expect(shareUsed * 100).toBeGreaterThanOrEqual(percent * 0.9);
});

it('work below its share is not held up', async () => {
  const { seconds } = await work([50], { busy: 1 });
  expect(seconds).toBe(30);
});

it('runs at the same time have the largest of their shares together', async () => {
  const { shareUsed } = await work([20, 50, 50]);
  expect(shareUsed * 100).toBeLessThanOrEqual(52);
  expect(shareUsed * 100).toBeGreaterThanOrEqual(45);
});

it('goes on, a second later each time, where others of this process use more than the share', async () => {
  const { seconds } = await work([5], { busy: 64, pieces: 20, busyMs: 1_000, processors: 1 });
  expect(seconds).toBeLessThanOrEqual(20 * 2);
});

it('counts the time of programs that we started, while they run and afterwards', async () => {
  const before = await othersMs();
  const child = spawn('/bin/sh', ['-c', 'while :; do :; done']);
  const exited = once(child, 'exit');
  await eventually(async () => expect(await othersMs()).toBeGreaterThan(before + 200), { within: 60_000 });
  child.kill('SIGKILL');
  await exited;
  expect(await othersMs()).toBeGreaterThan(before + 200);
});

/** Without what this process itself took. */
async function othersMs(): Promise<number> {
  const all = await cpuTimeMs();
  const { user, system } = process.cpuUsage();
  return all - (user + system) / 1_000;
}
