import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { BackupStore } from '../spec-support/backup-store.js';
import { sizeWarning } from './size-deviation.js';

let store: BackupStore;
beforeAll(async () => {
  store = await BackupStore.start();
  await store.configure('nightly', '/nowhere');
});
afterAll(() => store[Symbol.asyncDispose]());
beforeEach(() => store.database.query('TRUNCATE backup_history'));

const RUN = { config_name: 'nightly', backup_level: 'full' as const };

/** Earlier backups, newest first. */
async function earlier(sizes: number[], about = { level: 'full', result: 'completed' }): Promise<void> {
  for (const [index, size] of sizes.entries()) {
    const { id } = await store.request('nightly');
    await store.database.query(
      `INSERT INTO backup_history (run_id, config_name, target_name, backup_level, backup_type, result, attempts, finished_at, original_size)
       VALUES ($1, 'nightly', 'nightly', $2, 'manual', $3, 1, now() - make_interval(hours => $4), $5)`,
      [id, about.level, about.result, index, size],
    );
  }
}

it.each([
  [1_250_000, '25 % more'],
  [700_000, '30 % less'],
])('a full backup of %i bytes after some of a million is told of', async (bytes, says) => {
  await earlier([1e6, 1e6, 1e6]);
  expect(await sizeWarning(store.database, RUN, bytes, 20)).toContain(says);
});

it('one that differs by less is not, nor one of which nothing is to be told', async () => {
  await earlier([1e6, 1e6, 1e6]);
  expect(await sizeWarning(store.database, RUN, 1_190_000, 20)).toBeUndefined();
  expect(await sizeWarning(store.database, RUN, 5e6, 0)).toBeUndefined();
  expect(await sizeWarning(store.database, { ...RUN, backup_level: 'incremental' }, 5e6, 20)).toBeUndefined();
});

it('only the last seven that were completed, of this level, say what is usual', async () => {
  await earlier([2e6, 2e6, 2e6, 2e6, 2e6, 2e6, 2e6, 9e9, 9e9]);
  await earlier([1], { level: 'full', result: 'failed' });
  await earlier([1], { level: 'incremental', result: 'completed' });
  expect(await sizeWarning(store.database, RUN, 2e6, 20)).toBeUndefined();
});

it('two say nothing yet', async () => {
  await earlier([1e6, 1e6]);
  expect(await sizeWarning(store.database, RUN, 9e6, 20)).toBeUndefined();
});
