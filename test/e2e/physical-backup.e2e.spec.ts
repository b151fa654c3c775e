import type { RetentionView, RunView } from '@hozen/contracts';
import type { TestPostgres } from '@hozen/testkit';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { sampleConfiguration, sampleTarget } from '../src/sample-target.js';
import { expectSettled } from '../src/settled.js';
import { Stack } from '../src/stack.js';

let target: TestPostgres;
let stack: Stack;
let storage: string;

beforeAll(async () => {
  target = await sampleTarget();
  stack = await Stack.start(['notifier'], { SAMPLE_PASSWORD: target.password });
  storage = stack.home.join('storage');
});
afterAll(async () => {
  await stack?.[Symbol.asyncDispose]();
  await target?.[Symbol.asyncDispose]();
});

async function backedUp(level: string): Promise<RunView> {
  const run = await stack.runEnded(await stack.request('backup.requested', { config: 'files', level }), 120_000);
  expect(run.error).toBeUndefined();
  return run;
}

it('copies the files of a server in full and in increments, proves each, and goes on after the death of a worker', async () => {
  const dying = await stack.startService('backup-worker', {
    HOZEN_FAILPOINTS: `commit.after-files=kill@${stack.home.join('marker')}`,
  });
  const files = { name: 'files', method: 'postgres-physical' };
  await stack.configureBackups(sampleConfiguration(target, storage, files));
  const request = await stack.request('backup.requested', { config: 'files' });
  await dying.exit();
  await stack.startService('backup-worker');
  const full = await expectSettled(stack, target, request, storage);
  expect(full).toMatchObject({ state: 'completed', level: 'full', artefact: { proof: { level: 'restore' } } });
  expect(full.attempts.map(({ status }) => status)).toEqual(['failure', 'success']);

  await using shop = await target.client('shop');
  await shop.query(`UPDATE customers SET name = 'changed' WHERE id < 20`);
  const first = await backedUp('incremental');
  expect(first).toMatchObject({
    level: 'incremental',
    parentRunId: full.id,
    artefact: { proof: { level: 'restore' } },
  });
  const second = await backedUp('incremental');
  expect(second.parentRunId).toBe(first.id);
  const differential = await backedUp('differential');
  expect(differential.parentRunId).toBe(full.id);

  // With retention by count alone, what the newest is restored from stays with it.
  const retained = { name: 'files', method: 'postgres-physical', retentionCount: 1 };
  await stack.configureBackups(sampleConfiguration(target, storage, retained));
  const [view] = await stack.get<RetentionView[]>('backup-worker', '/retention?config=files');
  const reasons = (id: string) => view?.artefacts.find(({ runId }) => runId === id)?.reasons;
  expect(reasons(full.id)).toContainEqual({ kind: 'needed', by: differential.id });
}, 240_000);
