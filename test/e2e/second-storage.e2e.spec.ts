import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { RunView } from '@hozen/contracts';
import { eventually, type TestPostgres } from '@hozen/testkit';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { sampleConfiguration, sampleTarget } from '../src/sample-target.js';
import { Stack } from '../src/stack.js';

let target: TestPostgres;
let stack: Stack;

beforeAll(async () => {
  target = await sampleTarget();
  stack = await Stack.start(['backup-worker'], { SAMPLE_PASSWORD: target.password });
  const secondaryStorage = { kind: 'file', path: stack.home.join('second') };
  const resources = { ioClass: 'idle', writeBytesPerSecond: 20_000_000 };
  const config = { proof: 'checksum', secondaryStorage, resources };
  const configuration = sampleConfiguration(target, stack.home.join('first'), config);
  await stack.configureBackups(configuration);
});
afterAll(async () => {
  await stack?.[Symbol.asyncDispose]();
  await target?.[Symbol.asyncDispose]();
});

function contentOf(folder: string): Record<string, string> {
  const path = stack.home.join(folder, 'manual');
  return Object.fromEntries(readdirSync(path).map((name) => [name, readFileSync(join(path, name), 'base64')]));
}

async function expectTwice(run: RunView): Promise<void> {
  expect(run.state).toBe('completed');
  const ended = await eventually(
    async () => {
      const now = await stack.run(run.id);
      if (now.artefact?.copy?.state !== 'standing') throw new Error(JSON.stringify(now.artefact?.copy));
      return now;
    },
    { within: 30_000 },
  );
  expect(ended.artefact?.copy?.path).toContain(stack.home.join('second'));
  expect(contentOf('second')).toEqual(contentOf('first'));
}

it('a backup stands in two places when it is completed', async () => {
  const run = await stack.runEnded(await stack.request('backup.requested', { config: 'nightly' }));
  expect(run.artefact?.copy).toMatchObject({ state: 'standing', attempts: 0 });
  expect(run.warnings).toEqual([]);
  const limits = { cpuPercent: 50, ioClass: 'idle', writeBytesPerSecond: 20_000_000 };
  expect(run.attempts).toMatchObject([{ resources: { ...limits, cpu: expect.stringMatching(/^(cgroup|niceness)$/) } }]);
  await expectTwice(run);
});

it.each(['commit.after-manifest', 'run.before-finish'])(
  'a backup stands in two places although its worker is killed at %s',
  async (place) => {
    const dying = await stack.workerDyingAt(place);
    const request = await stack.request('backup.requested', { config: 'nightly' });
    await dying.exit();
    await stack.startService('backup-worker');
    const run = await stack.runEnded(request);
    expect(run.warnings).toEqual([expect.stringContaining('made later')]);
    await expectTwice(run);
  },
  120_000,
);
