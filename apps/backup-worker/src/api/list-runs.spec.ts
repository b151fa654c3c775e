import { afterAll, beforeAll, expect, it } from 'vitest';
import { BackupStore } from '../spec-support/backup-store.js';
import { findRun, listRuns } from './list-runs.js';

let store: BackupStore;
beforeAll(async () => {
  store = await BackupStore.start();
  await store.configure('nightly', '/backup');
});
afterAll(() => store[Symbol.asyncDispose]());

it('finds a run by its own id and by the id of its request', async () => {
  const run = await store.request('nightly', { id: 'ask 1' });
  expect(await findRun(store.database, run.id)).toMatchObject({ requestId: 'ask 1', state: 'queued' });
  expect(await findRun(store.database, 'ask 1')).toMatchObject({ id: run.id });
});

it('pages through the runs, newest first, each once', async () => {
  for (let n = 0; n < 5; n++) await store.request('nightly');
  const seen: string[] = [];
  for (let before: string | undefined; ;) {
    const { runs, next } = await listRuns(store.database, { limit: '2', ...(before ? { before } : {}) });
    seen.push(...runs.map((run) => run.id));
    if (next === undefined) break;
    before = next;
  }
  expect(new Set(seen).size).toBe(seen.length);
  expect(seen.length).toBeGreaterThanOrEqual(5);
});

it.each([
  ['limit', { limit: '0' }],
  ['limit', { limit: '1.5' }],
  ['state', { state: 'asleep' }],
  ['before', { before: 'x' }],
  ['config', { config: 'a\0b' }],
])('refuses a wrong %s and says what is allowed', async (field, filter) => {
  await expect(listRuns(store.database, filter)).rejects.toMatchObject({
    code: 'REQUEST_INVALID',
    reasons: [{ field }],
  });
});

it('says that a run is not there, whatever was asked for', async () => {
  for (const id of ['none', 'a\0b', '00000000-0000-4000-8000-000000000000']) {
    await expect(findRun(store.database, id)).rejects.toMatchObject({ code: 'NOT_FOUND' });
  }
});
