import { writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { sampleConfiguration, sampleTarget, waitingForALock } from '../src/sample-target.js';
import { Stack } from '../src/stack.js';
import { percentile } from './measure.js';

/**
 * From `kill -9` of a worker in the middle of its dump to the next attempt of the run, by a worker that stands by. The run ends
 * well each time.
 */
const { values } = parseArgs({ options: { json: { type: 'string' }, rounds: { type: 'string', default: '10' } } });
const rounds = Number(values.rounds);

await using target = await sampleTarget();
await using stack = await Stack.start([], { SAMPLE_PASSWORD: target.password, HOZEN_LOG_LEVEL: 'warn' });
const seconds: number[] = [];
let worker = await stack.startService('backup-worker');
await stack.configureBackups(sampleConfiguration(target, stack.home.join('storage'), { proof: 'checksum' }));
for (let round = 0; round < rounds; round++) {
  await using blocker = await target.client('shop');
  await blocker.query('BEGIN; LOCK TABLE orders IN ACCESS EXCLUSIVE MODE');
  const request = await stack.request('backup.requested', { config: 'nightly' });
  await waitingForALock(target);
  const next = await stack.startService('backup-worker');
  worker.signal('SIGKILL');
  const killedAt = performance.now();
  await worker.exit();
  await blocker.query('ROLLBACK');
  await stack.runWhen(request, (run) => run.attempts.length === 2, 60_000);
  seconds.push((performance.now() - killedAt) / 1000);
  const { state } = await stack.runEnded(request, 120_000);
  if (state !== 'completed') throw new Error(`the run that was taken over ended as ${state}`);
  worker = next;
}
const figures = {
  rounds,
  p50: Number(percentile(seconds, 0.5).toFixed(1)),
  max: Number(Math.max(...seconds).toFixed(1)),
  unit: 's',
};
process.stdout.write(`${JSON.stringify({ work: 'worker killed → run taken over', ...figures })}\n`);
if (values.json !== undefined) await writeFile(values.json, `${JSON.stringify(figures)}\n`);
