import { newEvent } from '@hozen/contracts';
import { tempDir } from '@hozen/testkit';
import { expect, it } from 'vitest';
import type { ExpectedRun } from '../runs/executor.js';
import { BackupStore } from '../spec-support/backup-store.js';
import { acceptRequest } from './accept-request.js';

it('tells of a run before it is written down, and of none that is refused', async () => {
  await using store = await BackupStore.start();
  await using folder = await tempDir();
  await store.configure('nightly', folder.path);
  const expected: ExpectedRun[] = [];
  const request = (data: object) =>
    store.outbox.transaction((tx) =>
      acceptRequest(tx, newEvent('backup.requested', { config: 'nightly', ...data }, { source: 'spec' }), (run) =>
        expected.push(run),
      ),
    );
  expect(await request({})).toBe('full');
  const target: unknown = expect.objectContaining({ name: 'nightly', host: 'nightly.example.org' });
  expect(expected).toEqual([{ level: 'full', method: 'postgres-logical', target }]);
  expect(await request({ config: 'another' })).toBeUndefined();
  expect(await request({ level: 'incremental' })).toBeUndefined();
  expect(expected).toHaveLength(1);
});

it('takes a synthetic backup for a full one, of copies of files only', async () => {
  await using store = await BackupStore.start();
  await using folder = await tempDir();
  await store.configure('files', folder.path, 'files', { method: 'postgres-physical', level: 'incremental' });
  await store.configure('dumps', folder.path);
  const run = await store.request('files', { data: { synthetic: true } });
  expect(run).toMatchObject({ backup_level: 'full', options: { synthetic: true } });
  await expect(store.request('files', { data: { synthetic: true, level: 'incremental' } })).rejects.toThrow(
    /not accepted/,
  );
  await expect(store.request('dumps', { data: { synthetic: true } })).rejects.toThrow(/not accepted/);
  const rejected = await store.database.query<{ reasons: { field: string }[] }[]>(
    `SELECT body -> 'data' -> 'reasons' AS reasons FROM outbox WHERE subject = 'backup.rejected'`,
  );
  expect(rejected.map(({ reasons }) => reasons.map(({ field }) => field))).toEqual([['synthetic'], ['synthetic']]);
});
