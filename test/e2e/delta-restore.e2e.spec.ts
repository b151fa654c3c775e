import { execFileSync } from 'node:child_process';
import { readdir } from 'node:fs/promises';
import { TokenFile } from '@hozen/access';
import type { RestorePlanView, RestoreView } from '@hozen/contracts';
import { connect, PrivatePostgres } from '@hozen/dbms';
import { tempDir, type TempDir, type TestPostgres } from '@hozen/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sampleConfiguration, sampleTarget } from '../src/sample-target.js';
import { Stack } from '../src/stack.js';

let target: TestPostgres;
let stack: Stack;
let folder: TempDir;
const tokenOf: Record<string, string> = {};
let backup: string;
let names: string;

beforeAll(async () => {
  folder = await tempDir();
  target = await sampleTarget();
  const file = folder.join('tokens.json');
  stack = await Stack.start(['backup-worker'], {
    SAMPLE_PASSWORD: target.password,
    HOZEN_TOKENS_FILE: file,
    HOZEN_RESTORE_FOLDERS: folder.path,
  });
  for (const name of ['alice', 'bob']) tokenOf[name] = await new TokenFile(file).create(name, 'dba');
  stack.token = tokenOf['alice'];
  const config = { name: 'files', method: 'postgres-physical', proof: 'checksum' };
  await stack.configureBackups(sampleConfiguration(target, stack.home.join('storage'), config));
  const run = await stack.runEnded(await stack.request('backup.requested', { config: 'files' }), 120_000);
  backup = run.id;
  names = await namesAt(target.address('shop'));
  await using shop = await target.client('shop');
  await shop.query(`UPDATE customers SET name = 'changed since'; CREATE TABLE since AS SELECT 1 AS id`);
  await shop.end();
  await target.stop();
}, 180_000);
afterAll(async () => {
  await stack?.[Symbol.asyncDispose]();
  await target?.[Symbol.asyncDispose]();
  await folder?.[Symbol.asyncDispose]();
});

async function namesAt(address: Parameters<typeof connect>[0]): Promise<string> {
  await using client = await connect(address, { applicationName: 'test' });
  const { rows } = await client.query<{ names: string }>(
    `SELECT (SELECT string_agg(name, ',' ORDER BY id) FROM customers) || (to_regclass('since') IS NULL) AS names`,
  );
  return rows[0]?.names ?? '';
}

/** Asked for by one, approved of by the other. */
async function approved(directory: string): Promise<RestoreView> {
  stack.token = tokenOf['alice'];
  const body = { run: backup, directory, delta: true };
  const plan = await stack.post<RestorePlanView>('backup-worker', '/restores/plan', body);
  expect(plan.obstacles).toEqual([]);
  const view = await stack.post<RestoreView>('backup-worker', '/restores', body);
  expect(view).toMatchObject({ planHash: plan.hash, requestedBy: 'alice', state: 'queued', delta: true });
  stack.token = tokenOf['bob'];
  return stack.post<RestoreView>('backup-worker', `/restores/${view.id}/approve`, { planHash: plan.hash });
}

describe('a restore of differences', () => {
  it.each([
    'restore.delta-begun',
    'restore.delta-written',
    'restore.delta-synced',
    'restore.control-placed',
    'restore.unlocked',
  ])(
    'whose worker is killed at %s is brought to its end by the next one, and no server starts meanwhile',
    async (place) => {
      const directory = folder.join(place);
      execFileSync('cp', ['-a', target.dataDir, directory]);
      const dying = await stack.workerDyingAt(place);
      const restore = await approved(directory);
      await dying.exit();
      const isOver = place === 'restore.unlocked';
      expect(await readdir(directory)).toEqual(
        isOver ? expect.not.arrayContaining(['postmaster.pid']) : expect.arrayContaining(['postmaster.pid']),
      );
      await stack.startService('backup-worker');
      const ended = await stack.restoreEnded(restore.id, 120_000);
      expect(ended).toMatchObject({ state: 'completed', attempt: 2, approval: { by: 'bob' } });
      await using server = await PrivatePostgres.start({ dataDir: directory });
      expect(await namesAt(server.address('shop'))).toBe(names);
    },
  );
}, 180_000);
