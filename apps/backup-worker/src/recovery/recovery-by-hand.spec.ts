import { execFile } from 'node:child_process';
import { appendFile, chmod, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { connect, giveToServer, PrivatePostgres } from '@hozen/dbms';
import { eventually, tempDir, TestPostgres, type TempDir } from '@hozen/testkit';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { BackupSeries } from '../backup-series.fixture.js';

const run = promisify(execFile);

let server: TestPostgres;
let folder: TempDir;

beforeAll(async () => {
  server = await TestPostgres.start();
  folder = await tempDir();
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
  await folder[Symbol.asyncDispose]();
});

async function count(expected: number): Promise<string> {
  await using client = await connect(server.address(), { applicationName: 'hozen test' });
  await client.query(
    'INSERT INTO ticks SELECT n, repeat(md5(n::text), 100) FROM generate_series((SELECT count(*) FROM ticks) + 1, $1::int) n',
    [expected],
  );
  const { rows } = await client.query<{ at: string }>('SELECT clock_timestamp()::text AS at');
  return rows[0]?.at ?? '';
}

it('logs and a copy bring a server back to a point in time with nothing but their own scripts', async () => {
  await using client = await connect(server.address(), { applicationName: 'hozen test' });
  await client.query('CREATE TABLE ticks (n bigint PRIMARY KEY, filler text)');
  const logs = new BackupSeries(server.address(), folder.path, () => undefined, 'postgres-wal');
  const first = await logs.make('transaction_log');
  await count(10);
  const copy = await new BackupSeries(server.address(), join(folder.path, 'copies')).make('full');
  await count(5000);
  const second = await logs.make('transaction_log');
  await client.query('SELECT pg_switch_wal()');
  const wanted = await count(20_000);
  await count(20_500);
  const third = await logs.make('transaction_log');

  const hand = async (path: string, ...args: string[]) => {
    const script = join(folder.path, 'restore.sh');
    await run('sh', ['-c', `tar -xOf "$1" --occurrence=1 restore.sh > "$2"`, 'sh', path, script]);
    await run('sh', [script, ...args]);
  };
  const [directory, wal] = [join(folder.path, 'restored'), join(folder.path, 'wal')];
  await hand(copy.artefact.path, directory, copy.artefact.path);
  await hand(first.artefact.path, wal, first.artefact.path, second.artefact.path);
  await hand(third.artefact.path, wal, third.artefact.path);
  const settings = [
    `restore_command = 'cp ${wal}/%f %p'`,
    `recovery_target_time = '${wanted}'`,
    `recovery_target_action = 'promote'`,
  ];
  await appendFile(join(directory, 'postgresql.auto.conf'), `${settings.join('\n')}\n`);
  await mkdir(wal, { recursive: true });
  await chmod(folder.path, 0o755);
  await giveToServer(directory);
  await giveToServer(wal);
  await using restored = await PrivatePostgres.start({ dataDir: directory });
  await using reader = await connect(restored.address(), { applicationName: 'hozen test' });
  await eventually(async () => {
    const { rows } = await reader.query('SELECT pg_is_in_recovery() AS replaying');
    expect(rows).toEqual([{ replaying: false }]);
  });
  const { rows } = await reader.query('SELECT count(*)::int AS count, max(n)::int AS last FROM ticks');
  expect(rows).toEqual([{ count: 20_000, last: 20_000 }]);
});
