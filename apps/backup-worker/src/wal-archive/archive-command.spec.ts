import { execFile } from 'node:child_process';
import { appendFile, mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { fileURLToPath } from 'node:url';
import { connect, giveToServer, PrivatePostgres } from '@hozen/dbms';
import { eventually, tempDir, TestPostgres, type TempDir } from '@hozen/testkit';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { BackupSeries, type MadeBackup } from '../backup-series.fixture.js';
import { quietContext } from '../backup.fixture.js';
import { makeStartable } from '../restore/physical/make-startable.js';
import { restoreAndCompare } from '../verification/restore-and-compare.js';
import { archiveFile } from './archive.fixture.js';

const HOZEN = fileURLToPath(new URL('../../../cli/bin/hozen.mjs', import.meta.url));
const LONG = { within: 60_000 };
const WAL = `"${process.execPath}" "${HOZEN}" wal`;

let server: TestPostgres;
let folder: TempDir;
let copy: MadeBackup;
let segments: string[];

/** Each of them begins a WAL file of 1 MB. */
const TICKS = 30;

beforeAll(async () => {
  folder = await tempDir();
  for (const name of ['archive', 'spool']) await mkdir(folder.join(name));
  await writeFile(folder.join('backups.yaml'), archiveFile({ kind: 'file', path: folder.join('archive') }));
  for (const name of ['archive', 'spool', 'backups.yaml']) await giveToServer(folder.join(name));
  server = await TestPostgres.start({
    initdbArgs: ['--wal-segsize=1'],
    settings: {
      archive_mode: 'on',
      archive_command: `${WAL} push --file '${folder.join('backups.yaml')}' --spool '${folder.join('spool')}' %p`,
    },
  });
  copy = await new BackupSeries(server.address(), folder.join('copies')).make('full');
  await using client = await server.client();
  await client.query('CREATE TABLE ticks (n int)');
  for (let n = 1; n <= TICKS; n++) {
    await client.query('INSERT INTO ticks VALUES ($1)', [n]);
    await client.query('SELECT pg_switch_wal()');
  }
  const { rows } = await client.query<{ last: string }>(`SELECT pg_walfile_name(pg_current_wal_lsn() - 1) AS last`);
  await eventually(async () => {
    const { rows: archived } = await client.query<{ wal: string }>(
      'SELECT last_archived_wal AS wal FROM pg_stat_archiver',
    );
    expect(archived[0]?.wal.slice(0, 24)).toBe(rows[0]?.last);
  }, LONG);
  segments = await archived();
}, 120_000);
afterAll(async () => {
  await server?.[Symbol.asyncDispose]();
  await folder?.[Symbol.asyncDispose]();
});

async function archived(): Promise<string[]> {
  const names = await readdir(folder.join('archive'), { recursive: true });
  return names.filter((name) => /\/[0-9A-F]{24}\.wal$/.test(name)).toSorted();
}

/** A server on the copy that fetches its WAL from the archive. */
async function recovered(name: string, ...settings: string[]): Promise<PrivatePostgres> {
  const directory = folder.join(name);
  await mkdir(directory, { mode: 0o700 });
  await restoreAndCompare([copy.artefact], directory, quietContext());
  await makeStartable(directory);
  const command = `${WAL} get --file ''${folder.join('backups.yaml')}'' --spool ''${folder.join('spool')}'' %f %p`;
  await appendFile(
    join(directory, 'postgresql.auto.conf'),
    `${["archive_mode = 'off'", `restore_command = '${command}'`, ...settings].join('\n')}\n`,
  );
  await writeFile(join(directory, 'recovery.signal'), '');
  await giveToServer(directory);
  return PrivatePostgres.start({ dataDir: directory, logFile: folder.join(`${name}.log`) });
}

async function ticksOf(restored: PrivatePostgres): Promise<unknown> {
  await using client = await connect(restored.address(), { applicationName: 'hozen test' });
  await eventually(async () => {
    const { rows } = await client.query('SELECT pg_is_in_recovery() AS replaying');
    expect(rows).toEqual([{ replaying: false }]);
  }, LONG);
  const { rows } = await client.query('SELECT count(*)::int AS count, max(n) AS last FROM ticks');
  return rows[0];
}

it('a server comes back from a copy and the WAL that it archived, to the end and to any place between', async () => {
  await using client = await server.client();
  const { rows } = await client.query<{ failed: number }>('SELECT failed_count::int AS failed FROM pg_stat_archiver');
  expect(rows).toEqual([{ failed: 0 }]);
  {
    await using whole = await recovered('whole');
    expect(await ticksOf(whole)).toEqual({ count: TICKS, last: TICKS });
  }
  const xid = await client.query<{ xmin: string }>('SELECT xmin::text FROM ticks WHERE n = 17');
  await using half = await recovered(
    'half',
    `recovery_target_xid = '${xid.rows[0]?.xmin}'`,
    `recovery_target_action = 'promote'`,
  );
  expect(await ticksOf(half)).toEqual({ count: 17, last: 17 });
}, 120_000);

it('a file that is missing in the middle stops the recovery instead of ending it early', async () => {
  const missing = folder.join('archive', segments.at(-5) ?? '');
  await rename(missing, folder.join('aside'));
  for (const name of await readdir(folder.join('spool'))) await rm(folder.join('spool', name), { recursive: true });
  await using restored = await recovered('gap');
  await eventually(() => {
    expect(restored.pid).toBeUndefined();
  }, LONG);
  expect(await readFile(folder.join('gap.log'), 'utf8')).toContain(
    `WAL_GAP: The WAL archive ${folder.join('archive')}`,
  );
  await rename(folder.join('aside'), missing);
}, 120_000);

it('check compares the archive with what the server believes', async () => {
  const run = promisify(execFile);
  const { host, port, user } = server.address();
  const file = folder.join('with-server.yaml');
  const target = { host, port, user, password: 'env:HOZEN_TEST_PASSWORD' };
  await writeFile(file, archiveFile({ kind: 'file', path: folder.join('archive') }, {}, target));
  const env = { ...process.env, HOZEN_TEST_PASSWORD: server.password };
  const check = async () => {
    const ended = await run(process.execPath, [HOZEN, 'wal', 'check', '--file', file, '--json'], { env }).catch(
      (error: { stdout: string; code: number }) => error,
    );
    return JSON.parse(ended.stdout) as { faults: { kind: string; name: string }[]; read: number };
  };
  expect(await check()).toMatchObject({ faults: [], read: (await archived()).length + 1 });
  await using client = await server.client();
  const { rows } = await client.query<{ wal: string }>('SELECT last_archived_wal AS wal FROM pg_stat_archiver');
  const last = rows[0]?.wal ?? '';
  const path = folder.join('archive', last.slice(0, 16), `${last}.wal`);
  await rename(path, folder.join('aside'));
  expect((await check()).faults).toMatchObject([{ kind: 'not-stored', name: last }]);
  await rename(folder.join('aside'), path);
}, 60_000);
