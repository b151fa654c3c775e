import { open } from 'node:fs/promises';
import type { VerificationView } from '@hozen/contracts';
import { eventually, type TestPostgres } from '@hozen/testkit';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { sampleConfiguration, sampleTarget } from '../src/sample-target.js';
import { Stack } from '../src/stack.js';

let target: TestPostgres;
let stack: Stack;

beforeAll(async () => {
  target = await sampleTarget();
  stack = await Stack.start(['notifier', 'backup-worker'], { SAMPLE_PASSWORD: target.password });
  await stack.configureBackups(sampleConfiguration(target, stack.home.join('storage')));
}, 120_000);
afterAll(async () => {
  await stack?.[Symbol.asyncDispose]();
  await target?.[Symbol.asyncDispose]();
});

function ended(request: string): Promise<VerificationView> {
  return eventually(
    async () => {
      const view = await stack.get<VerificationView>('backup-worker', `/verifications/${request}`);
      if (view.state === 'queued' || view.state === 'running') throw new Error(`it is ${view.state}`);
      return view;
    },
    { within: 60_000 },
  );
}

it('proves a standing backup again, and when it has gone bad tells people and makes another', async () => {
  const run = await stack.runEnded(await stack.request('backup.requested', { config: 'nightly' }), 120_000);
  const path = run.artefact?.path ?? '';
  const good = await ended(await stack.request('verification.requested', { config: 'nightly' }));
  expect(good).toMatchObject({ state: 'completed', runId: run.id, proof: { level: 'restore' } });
  await stack.events.waitFor('verification.completed', good.requestId);

  {
    await using file = await open(path, 'r+');
    const { size } = await file.stat();
    await file.write(Buffer.from('rotten'), 0, 6, Math.floor(size / 2));
  }
  const bad = await ended(await stack.request('verification.requested', { kind: 'spot' }));
  expect(bad).toMatchObject({ state: 'failed', verdict: 'bad', attempt: 2, error: { code: 'ARTEFACT_CORRUPT' } });
  const mail = await stack.mail.waitFor(({ text }) => text.includes('ARTEFACT_CORRUPT'));
  expect(mail.subject).toContain('BAD BACKUP of sample');

  const [newest] = await eventually(
    async () => {
      const { runs } = await stack.get<{ runs: { id: string; state: string; reason?: string }[] }>(
        'backup-worker',
        '/backups?config=nightly',
      );
      if (runs.length < 2 || runs[0]?.state !== 'completed') throw new Error('there is no other backup yet');
      return runs;
    },
    { within: 60_000 },
  );
  expect(newest).toMatchObject({ reason: expect.stringContaining(run.id) as string });
  const again = await ended(await stack.request('verification.requested', { config: 'nightly' }));
  expect(again).toMatchObject({ state: 'completed', runId: newest?.id });
}, 240_000);
