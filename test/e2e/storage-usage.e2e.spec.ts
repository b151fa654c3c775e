import type { StorageUsageHigh, StorageView } from '@hozen/contracts';
import { eventually, type TestPostgres } from '@hozen/testkit';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { sampleConfiguration, sampleTarget } from '../src/sample-target.js';
import { Stack } from '../src/stack.js';

let target: TestPostgres;
let stack: Stack;

beforeAll(async () => {
  target = await sampleTarget();
  stack = await Stack.start(['backup-worker', 'notifier'], { SAMPLE_PASSWORD: target.password });
  // Every disk that this runs on is fuller than that.
  const usage = { warningPercent: 1, criticalPercent: 100 };
  const storage = { kind: 'file', path: stack.home.join('storage'), usage };
  await stack.configureBackups(sampleConfiguration(target, '', { proof: 'checksum', storage }));
});
afterAll(async () => {
  await stack?.[Symbol.asyncDispose]();
  await target?.[Symbol.asyncDispose]();
});

/** How it was after the end of a run. */
async function seenAfterRun(): Promise<StorageView> {
  const run = await stack.runEnded(await stack.request('backup.requested', { config: 'nightly' }));
  expect(run.state).toBe('completed');
  return eventually(
    async () => {
      const [view] = await stack.get<StorageView[]>('backup-worker', '/storages');
      if (!view?.lookedAt || view.lookedAt < (run.finishedAt ?? '')) throw new Error('it was not looked at since');
      return view;
    },
    { within: 30_000 },
  );
}

it('a disk that fills is seen after the next run, told of in a mail, and not again after the one after it', async () => {
  const path = stack.home.join('storage');
  const first = await seenAfterRun();
  expect(first).toMatchObject({ storage: path, level: 'warning', artefacts: 1, warningPercent: 1 });
  const mail = await stack.mail.waitFor(({ subject }) => subject.includes('STORAGE FILLING'));
  expect(mail.text).toContain(path);
  const second = await seenAfterRun();
  expect(second).toMatchObject({ level: 'warning', artefacts: 2 });
  expect(second.artefactBytes).toBeGreaterThan(first.artefactBytes);
  const events = stack.events.of<StorageUsageHigh>('storage.usage_high');
  expect(events).toMatchObject([{ data: { storage: path, level: 'warning', configs: ['nightly'] } }]);
});
