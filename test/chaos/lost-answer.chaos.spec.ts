import { expect, it } from 'vitest';
import { sampleConfiguration, sampleTarget } from '../src/sample-target.js';
import { expectSettled } from '../src/settled.js';
import { Stack } from '../src/stack.js';

it('a worker that does not hear that its run was completed leaves the artefact in place', async () => {
  await using target = await sampleTarget();
  await using stack = await Stack.start(['notifier'], { SAMPLE_PASSWORD: target.password });
  const storage = stack.home.join('storage');
  const worker = await stack.startService('backup-worker', { HOZEN_FAILPOINTS: 'run.finished=throw' });
  await stack.configureBackups(sampleConfiguration(target, storage));
  const request = await stack.request('backup.requested', { config: 'nightly' });
  expect((await expectSettled(stack, target, request, storage)).state).toBe('completed');
  expect(await worker.log()).toContain('failpoint run.finished');
});
