import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { RestorePlanView, RunView } from '@hozen/contracts';
import { connect, giveToServer, PrivatePostgres } from '@hozen/dbms';
import { eventually, tempDir, type TempDir, type TestPostgres } from '@hozen/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sampleConfiguration, sampleTarget } from '../src/sample-target.js';
import { Stack } from '../src/stack.js';

let target: TestPostgres;
let stack: Stack;
let restored: TempDir;

beforeAll(async () => {
  target = await sampleTarget();
  restored = await tempDir();
  stack = await Stack.start(['backup-worker'], {
    SAMPLE_PASSWORD: target.password,
    HOZEN_RESTORE_FOLDERS: `/nowhere:${restored.path}`,
  });
  const configuration = sampleConfiguration(target, stack.home.join('storage'), {
    name: 'files',
    method: 'postgres-physical',
    proof: 'checksum',
  });
  await stack.configureBackups(configuration);
  const space = stack.home.join('space');
  await mkdir(space);
  await giveToServer(space);
  await using shop = await target.client('shop');
  await shop.query(`CREATE TABLESPACE elsewhere LOCATION '${space}'`);
  await shop.query('CREATE TABLE far TABLESPACE elsewhere AS SELECT i AS id FROM generate_series(1, 5000) i');
  await backedUp('full');
  await shop.query(`UPDATE customers SET name = 'changed' WHERE id < 20; UPDATE far SET id = -id WHERE id < 9`);
  await backedUp('incremental');
});
afterAll(async () => {
  await stack?.[Symbol.asyncDispose]();
  await target?.[Symbol.asyncDispose]();
  await restored?.[Symbol.asyncDispose]();
});

async function backedUp(level: string): Promise<RunView> {
  const run = await stack.runEnded(await stack.request('backup.requested', { config: 'files', level }), 120_000);
  expect(run.error).toBeUndefined();
  return run;
}

const CONTENT = `SELECT (SELECT string_agg(name, ',' ORDER BY id) FROM customers) AS names, (SELECT sum(id) FROM far) AS sum`;

async function expectWhole(directory: string): Promise<void> {
  await using shop = await target.client('shop');
  const expected = await shop.query(CONTENT);
  await using server = await PrivatePostgres.start({ dataDir: directory });
  await using client = await connect(server.address('shop'), { applicationName: 'test' });
  expect((await client.query(CONTENT)).rows).toEqual(expected.rows);
  await eventually(async () => {
    const { rows } = await client.query('SELECT left(pg_walfile_name(pg_current_wal_lsn()), 8) AS timeline');
    expect(rows).toEqual([{ timeline: '00000002' }]);
  });
}

describe('files of a server', () => {
  it('are planned, restored with all that they build on into a new folder, and a server starts on them', async () => {
    const directory = restored.join('erp');
    const request = { config: 'files', directory };
    const plan = await stack.post<RestorePlanView>('backup-worker', '/restores/plan', request);
    expect(plan).toMatchObject({
      obstacles: [],
      chain: [{ level: 'full' }, { level: 'incremental' }],
      to: { target: directory },
    });
    const restore = await stack.restoreEnded(await stack.request('restore.requested', request));
    expect(restore).toMatchObject({ state: 'completed', directory });
    await expectWhole(directory);
    expect(existsSync(`${directory}.tablespaces`)).toBe(true);
  });

  it('are put over nothing, and nowhere but where the worker may', async () => {
    const taken = restored.join('taken');
    await mkdir(taken, { recursive: true });
    await writeFile(`${taken}/precious`, 'kept');
    const refused = await stack.restoreEnded(
      await stack.request('restore.requested', { config: 'files', directory: taken }),
    );
    expect(refused).toMatchObject({ state: 'failed', error: { code: 'RESTORE_IMPOSSIBLE' } });
    expect(await readFile(`${taken}/precious`, 'utf8')).toBe('kept');
    const elsewhere = stack.home.join('elsewhere');
    const outside = await stack.restoreEnded(
      await stack.request('restore.requested', { config: 'files', directory: elsewhere }),
    );
    expect(outside.error?.message).toContain('HOZEN_RESTORE_FOLDERS');
    expect(existsSync(elsewhere)).toBe(false);
  });

  it.each(['restore.before-rename', 'restore.renamed'])(
    'are there once, and whole, when the worker is killed at %s',
    async (place) => {
      const directory = restored.join(place);
      const dying = await stack.workerDyingAt(place);
      const request = await stack.request('restore.requested', { config: 'files', directory });
      await dying.exit();
      await stack.startService('backup-worker');
      expect(await stack.restoreEnded(request)).toMatchObject({ state: 'completed' });
      await expectWhole(directory);
      const beside = (await readdir(dirname(directory))).filter((name) => name.includes('.hozen-'));
      expect(beside).toEqual([]);
    },
    120_000,
  );
});
