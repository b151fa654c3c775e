import { expect, it, vi } from 'vitest';
import { sampleConfiguration, sampleTarget } from '../src/sample-target.js';
import { Stack } from '../src/stack.js';

const REASON = 'no current nats-server: name one in HOZEN_INTEROP_NATS_SERVER, or use `npm run interop`';

it('a current nats-server carries a backup from the request to the end, and through the loss of its store', async (context) => {
  const program = process.env['HOZEN_INTEROP_NATS_SERVER'] ?? context.skip(REASON);
  vi.stubEnv('HOZEN_NATS_SERVER', program);
  await using target = await sampleTarget();
  await using stack = await Stack.start(['backup-worker'], { SAMPLE_PASSWORD: target.password });
  expect(await stack.nats.log()).not.toMatch(/Version: +2\.9\./);
  await stack.configureBackups(sampleConfiguration(target, stack.home.join('storage')));
  const run = await stack.runEnded(await stack.request('backup.requested', { config: 'nightly' }));
  expect(run).toMatchObject({ state: 'completed', artefact: { proof: { level: 'restore' } } });
  await stack.nats.loseEverything();
  const again = await stack.runEnded(await stack.request('backup.requested', { config: 'nightly' }));
  expect(again.state).toBe('completed');
}, 240_000);
