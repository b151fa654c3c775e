import { appendFile, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { BackupConfiguration } from '@hozen/contracts';
import { connect, giveToServer, PrivatePostgres } from '@hozen/dbms';
import { eventually, tempDir, type TempDir, type TestPostgres } from '@hozen/testkit';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { sampleConfiguration, sampleTarget } from '../src/sample-target.js';
import { Stack } from '../src/stack.js';

const HOZEN = fileURLToPath(new URL('../../apps/cli/bin/hozen.mjs', import.meta.url));
const LONG = { within: 60_000 };

let target: TestPostgres;
let stack: Stack;
let restored: TempDir;
let configuration: BackupConfiguration;

beforeAll(async () => {
  target = await sampleTarget();
  restored = await tempDir();
  stack = await Stack.start(['backup-worker'], {
    SAMPLE_PASSWORD: target.password,
    HOZEN_RESTORE_FOLDERS: restored.path,
  });
  const { targets, configs } = sampleConfiguration(target, stack.home.join('storage'), {
    name: 'files',
    method: 'postgres-physical',
    proof: 'checksum',
  }) as BackupConfiguration;
  const [files] = configs;
  const wal = {
    ...(files as object),
    name: 'wal',
    method: 'postgres-wal',
    level: 'transaction_log',
    walArchive: { kind: 'file', path: restored.join('archive') },
    continuous: true,
  };
  configuration = { targets, configs: [files, wal] } as BackupConfiguration;
  await stack.configureBackups(configuration);
});
afterAll(async () => {
  await stack?.[Symbol.asyncDispose]();
  await target?.[Symbol.asyncDispose]();
  await restored?.[Symbol.asyncDispose]();
});

async function isReceived(): Promise<void> {
  await using client = await target.client();
  const { rows } = await client.query(
    `SELECT active FROM pg_replication_slots WHERE slot_name LIKE 'hozen\\_receiver\\_%'`,
  );
  expect(rows).toEqual([{ active: true }]);
}

it.each(['receiver.before-archive', 'receiver.archived'])(
  'WAL is received on after the worker was killed at %s',
  async (place) => {
    const dying = await stack.workerDyingAt(place);
    await eventually(isReceived, LONG);
    await using client = await target.client();
    await client.query(`SELECT pg_logical_emit_message(false, 'hozen', 'x'), pg_switch_wal()`);
    const { rows } = await client.query<{ file: string }>(
      `SELECT pg_walfile_name(pg_switch_wal()) AS file FROM pg_logical_emit_message(false, 'hozen', 'x')`,
    );
    await dying.exit();
    await client.query('CHECKPOINT');
    await stack.startService('backup-worker');
    const last = rows[0]?.file ?? '';
    await eventually(async () => {
      expect(await readdir(restored.join('archive', last.slice(0, 16)))).toContain(`${last}.wal`);
    }, LONG);
  },
  120_000,
);

it('what was committed seconds before the server was lost comes back from a copy and the archive', async () => {
  await eventually(isReceived, LONG);
  const copy = await stack.runEnded(await stack.request('backup.requested', { config: 'files' }), 120_000);
  expect(copy.error).toBeUndefined();
  const log = await stack.runEnded(await stack.request('backup.requested', { config: 'wal' }));
  expect(log.error).toBeUndefined();
  await using shop = await target.client('shop');
  await shop.query(`INSERT INTO customers (name) VALUES ('before')`);
  const { rows: moments } = await shop.query<{ time: string }>(
    `SELECT to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS time`,
  );
  await shop.query(`INSERT INTO customers (name) VALUES ('the last one')`);
  const { rows } = await shop.query<{ place: string; file: string }>(
    'SELECT pg_current_wal_flush_lsn()::text AS place, pg_walfile_name(pg_current_wal_flush_lsn()) AS file',
  );
  const file = rows[0]?.file ?? '';
  const live = restored.join('archive', file.slice(0, 16), `${file}.live.wal`);
  await eventually(async () => {
    const [text = ''] = (await readFile(live)).toString('latin1', 8, 1024).split('\n');
    const { bytes } = JSON.parse(text) as { bytes: number };
    expect(bytes).toBeGreaterThanOrEqual(Number(BigInt(`0x${rows[0]?.place.split('/')[1]}`) % (1n << 24n)));
  }, LONG);
  await target.stop('immediate');
  const latest = restored.join('latest');
  const replayed = await stack.restoreEnded(
    await stack.request('restore.requested', { config: 'files', directory: latest, point: { latest: true } }),
  );
  expect(replayed).toMatchObject({ state: 'completed' });
  {
    await using server = await PrivatePostgres.start({ dataDir: latest });
    expect(await lastOnes(server)).toBe(1);
  }
  const between = restored.join('between');
  const [point] = moments;
  const halted = await stack.restoreEnded(
    await stack.request('restore.requested', { config: 'files', directory: between, point }),
  );
  expect(halted).toMatchObject({ state: 'completed' });
  {
    await using server = await PrivatePostgres.start({ dataDir: between });
    expect(await lastOnes(server)).toBe(0);
    expect(await lastOnes(server, 'before')).toBe(1);
  }
  const never = { time: new Date(Date.now() + 3_600_000).toISOString() };
  const refused = await stack.restoreEnded(
    await stack.request('restore.requested', { config: 'files', directory: restored.join('never'), point: never }),
  );
  expect(refused).toMatchObject({ state: 'failed', error: { code: 'RESTORE_IMPOSSIBLE' } });
  const directory = restored.join('erp');
  const restore = await stack.restoreEnded(await stack.request('restore.requested', { config: 'files', directory }));
  expect(restore).toMatchObject({ state: 'completed' });
  const config = restored.join('backups.yaml');
  await writeFile(config, JSON.stringify(configuration));
  const command = `"${process.execPath}" "${HOZEN}" wal get --file "${config}" %f %p`;
  await appendFile(join(directory, 'postgresql.auto.conf'), `restore_command = '${command}'\n`);
  await writeFile(join(directory, 'recovery.signal'), '');
  for (const path of [directory, restored.join('archive'), config]) await giveToServer(path);
  await using server = await PrivatePostgres.start({ dataDir: directory });
  await using client = await connect(server.address('shop'), { applicationName: 'test' });
  await eventually(async () => {
    expect((await client.query('SELECT pg_is_in_recovery() AS on')).rows).toEqual([{ on: false }]);
  }, LONG);
  expect(await lastOnes(server)).toBe(1);
}, 180_000);

async function lastOnes(server: PrivatePostgres, name = 'the last one'): Promise<number | undefined> {
  await using client = await connect(server.address('shop'), { applicationName: 'test' });
  const { rows } = await client.query<{ n: number }>('SELECT count(*)::int AS n FROM customers WHERE name = $1', [
    name,
  ]);
  return rows[0]?.n;
}
