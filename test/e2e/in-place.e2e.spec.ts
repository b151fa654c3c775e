import { TokenFile } from '@hozen/access';
import type { RestorePlanView, RestoreView } from '@hozen/contracts';
import { tempDir, type TempDir, type TestPostgres } from '@hozen/testkit';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { sampleConfiguration, sampleTarget } from '../src/sample-target.js';
import { Stack } from '../src/stack.js';

let target: TestPostgres;
let stack: Stack;
let tokens: TempDir;
const tokenOf: Record<string, string> = {};
let backup: string;

beforeAll(async () => {
  tokens = await tempDir();
  target = await sampleTarget();
  const file = tokens.join('tokens.json');
  stack = await Stack.start(['notifier', 'backup-worker'], {
    SAMPLE_PASSWORD: target.password,
    HOZEN_TOKENS_FILE: file,
  });
  for (const name of ['alice', 'bob']) tokenOf[name] = await new TokenFile(file).create(name, 'dba');
  stack.token = tokenOf['alice'];
  await stack.configureBackups(sampleConfiguration(target, stack.home.join('storage'), { proof: 'checksum' }));
  const run = await stack.runEnded(await stack.request('backup.requested', { config: 'nightly' }), 120_000);
  backup = run.id;
}, 180_000);
afterAll(async () => {
  await stack?.[Symbol.asyncDispose]();
  await target?.[Symbol.asyncDispose]();
  await tokens?.[Symbol.asyncDispose]();
});
beforeEach(async () => {
  await using shop = await target.client('shop');
  await shop.query(`UPDATE customers SET name = 'changed since'`);
});
afterEach(async () => {
  await using admin = await target.client();
  const { rows } = await admin.query<{ name: string }>(
    `SELECT datname::text AS name FROM pg_database WHERE datname LIKE 'shop\\_before\\_%'`,
  );
  for (const { name } of rows) await admin.query(`DROP DATABASE ${admin.escapeIdentifier(name)}`);
});

async function asked(): Promise<RestoreView> {
  const body = { run: backup, target: 'sample', databases: [{ name: 'shop' }], inPlace: true };
  stack.token = tokenOf['alice'];
  const plan = await stack.post<RestorePlanView>('backup-worker', '/restores/plan', body);
  const view = await stack.post<RestoreView>('backup-worker', '/restores', body);
  expect(view).toMatchObject({ planHash: plan.hash, requestedBy: 'alice', state: 'queued' });
  return view;
}

async function approved(): Promise<RestoreView> {
  const { id, planHash } = await asked();
  stack.token = tokenOf['bob'];
  return stack.post<RestoreView>('backup-worker', `/restores/${id}/approve`, { planHash });
}

/** What is in the database, and how many sessions it allows. */
async function customers(): Promise<string> {
  await using shop = await target.client('shop');
  const { rows } = await shop.query<{ name: string; limit: number }>(
    `SELECT (SELECT min(name) FROM customers) AS name, datconnlimit AS "limit" FROM pg_database WHERE datname = 'shop'`,
  );
  return `${rows[0]?.name}, ${rows[0]?.limit}`;
}

describe('a restore in place', () => {
  it('needs a token of somebody, who may ask, and one of somebody else, who approves; people are told of both', async () => {
    const restore = await approved();
    const ended = await stack.restoreEnded(restore.id, 120_000);
    expect(ended).toMatchObject({ state: 'completed', approval: { by: 'bob' } });
    expect(await customers()).toBe('客 1, -1');
    await stack.mail.waitFor(({ subject }) => subject.startsWith('APPROVAL NEEDED'));
    await stack.mail.waitFor(({ subject, text }) => subject.includes('was approved of') && text.includes('bob'));
    stack.token = undefined;
    await expect(stack.get('backup-worker', '/restores')).rejects.toThrow('401');
  });

  it.each(['restore.closed', 'restore.beside', 'restore.opened', 'restore.swapped'])(
    'whose worker is killed at %s leaves the old database or the new one, and ends with the new one, open',
    async (place) => {
      const dying = await stack.workerDyingAt(place);
      const restore = await approved();
      await dying.exit();
      const isNew = place === 'restore.opened' || place === 'restore.swapped';
      expect(await customers()).toMatch(isNew ? /^客 1,/ : /^changed since,/);
      await stack.startService('backup-worker');
      const ended = await stack.restoreEnded(restore.id, 120_000);
      expect(ended).toMatchObject({ state: 'completed', attempt: 2 });
      expect(await customers()).toBe('客 1, -1');
      await using admin = await target.client();
      const { rows } = await admin.query<{ name: string }>(
        `SELECT datname::text AS name FROM pg_database WHERE datname LIKE 'hozen\\_%' OR datname LIKE 'shop\\_before\\_%'`,
      );
      expect(rows).toEqual([{ name: `shop_before_${restore.id.slice(0, 8)}` }]);
    },
  );
}, 180_000);
