import { execFileSync } from 'node:child_process';
import { appendFile, mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { FileStorageSpec } from '@hozen/contracts';
import { connect, giveToServer, PrivatePostgres } from '@hozen/dbms';
import { eventually, tempDir, TestPostgres, type TempDir } from '@hozen/testkit';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { BackupSeries } from '../backup-series.fixture.js';
import { quietContext } from '../backup.fixture.js';
import type { CommittedArtefact } from '../storage/committed-artefact.js';
import { archiveFile } from '../wal-archive/archive.fixture.js';
import { checkArchive } from '../wal-archive/check-archive.js';
import { WalArchive } from '../wal-archive/wal-archive.js';
import { restoreDirectory } from './restore-directory.js';

const HOZEN = fileURLToPath(new URL('../../../cli/bin/hozen.mjs', import.meta.url));
const LONG = { within: 60_000 };

let server: TestPostgres;
let folder: TempDir;
let copy: CommittedArtefact;
let logs: CommittedArtefact[];

beforeAll(async () => {
  folder = await tempDir();
  await archiveAt('original');
  server = await TestPostgres.start({
    initdbArgs: ['--wal-segsize=1'],
    settings: { archive_mode: 'on', archive_command: command('push', 'original', '%p') },
  });
  // As a server has it that was told by SQL: it comes along with the files.
  await using client = await server.client();
  await client.query(`ALTER SYSTEM SET archive_mode = 'on'`);
  await client.query(`ALTER SYSTEM SET archive_command = '${command('push', 'original', '%p')}'`);
  const series = new BackupSeries(server.address(), folder.path, () => undefined, 'postgres-wal');
  const first = await series.make('transaction_log');
  ({ artefact: copy } = await new BackupSeries(server.address(), folder.join('copies')).make('full'));
  await client.query('CREATE TABLE ticks (n int)');
  for (let n = 1; n <= 5; n++) {
    await client.query('INSERT INTO ticks VALUES ($1)', [n]);
    await client.query('SELECT pg_switch_wal()');
  }
  logs = [first.artefact, (await series.make('transaction_log')).artefact];
  await server.stop();
}, 120_000);
afterAll(async () => {
  await server?.[Symbol.asyncDispose]();
  await folder?.[Symbol.asyncDispose]();
});

async function archiveAt(name: string): Promise<void> {
  const path = folder.join(name);
  await mkdir(path, { recursive: true });
  await writeFile(`${path}.yaml`, archiveFile({ kind: 'file', path }));
  for (const each of [path, `${path}.yaml`]) await giveToServer(each);
}

function command(verb: 'push' | 'get', archive: string, ...args: string[]): string {
  return [`"${process.execPath}" "${HOZEN}" wal ${verb} --file "${folder.join(archive)}.yaml"`, ...args].join(' ');
}

async function restored(name: string, replay: boolean): Promise<string> {
  const directory = folder.join(name);
  await restoreDirectory({
    ...quietContext(),
    restoreId: name,
    directory,
    chain: [copy],
    ...(replay ? { replay: { logs, point: { latest: true }, stopAt: undefined } } : {}),
    applicationName: 'hozen test',
  });
  return directory;
}

async function opened(running: PrivatePostgres) {
  const client = await connect(running.address(), { applicationName: 'hozen test' });
  await eventually(async () => {
    expect((await client.query('SELECT pg_is_in_recovery() AS on')).rows).toEqual([{ on: false }]);
  }, LONG);
  return client;
}

/** Started as it was restored, under another name. */
async function expectQuiet(directory: string): Promise<void> {
  const before = await readdir(folder.join('original'), { recursive: true });
  execFileSync('cp', ['-a', directory, `${directory}-quiet`]);
  await using running = await PrivatePostgres.start({ dataDir: `${directory}-quiet` });
  await using client = await opened(running);
  await client.query('CREATE TABLE quiet (n int)');
  await client.query('SELECT pg_switch_wal()');
  await client.query('CHECKPOINT');
  const { rows } = await client.query<{ mode: string; tries: number }>(
    `SELECT current_setting('archive_mode') AS mode, (archived_count + failed_count)::int AS tries FROM pg_stat_archiver`,
  );
  expect(rows).toEqual([{ mode: 'off', tries: 0 }]);
  expect(await readdir(folder.join('original'), { recursive: true })).toEqual(before);
}

/** @returns the last file that it archived after a table was made */
async function archived(running: PrivatePostgres): Promise<string> {
  await using client = await opened(running);
  await client.query('CREATE TABLE told AS SELECT 1 AS n');
  const { rows } = await client.query<{ last: string }>('SELECT pg_walfile_name(pg_switch_wal()) AS last');
  const last = rows[0]?.last ?? '';
  await client.query('CHECKPOINT');
  await eventually(async () => {
    const { rows: archiver } = await client.query(
      'SELECT last_archived_wal AS last, failed_count::int AS failed FROM pg_stat_archiver',
    );
    expect(archiver).toEqual([{ last, failed: 0 }]);
  }, LONG);
  return last;
}

it.each([
  ['to which its log was replayed', true],
  ['as the copy has it', false],
])(
  'a restored server, %s, archives nothing until it is told to, and then everything that its timeline needs',
  async (_, replay) => {
    const name = `restored-${replay}`;
    const directory = await restored(name, replay);
    const ready = join(directory, 'pg_wal/archive_status/00000002.history.ready');
    const [mark, owner] = await Promise.all([stat(ready), stat(directory)]);
    expect([mark.mode & 0o777, mark.uid, mark.gid]).toEqual([0o600, owner.uid, owner.gid]);
    const settings = await readFile(join(directory, 'postgresql.auto.conf'), 'utf8');
    expect(settings.trimEnd().split('\n').at(-1)).toBe('archive_mode = off');
    expect(settings).toContain('archive_command');
    await expectQuiet(directory);
    const archive = `${name}-archive`;
    execFileSync('cp', ['-a', folder.join('original'), folder.join(archive)]);
    await archiveAt(archive);
    const told = [`archive_command = '${command('push', archive, '%p')}'`, 'archive_mode = on'];
    await appendFile(join(directory, 'postgresql.auto.conf'), `${told.join('\n')}\n`);
    await using running = await PrivatePostgres.start({ dataDir: directory });
    const last = await archived(running);
    expect(last.slice(0, 8)).toBe('00000002');
    const walArchive = Object.assign(new FileStorageSpec(), { kind: 'file', path: folder.join(archive) });
    const { faults } = await checkArchive(await WalArchive.of({ walArchive, compressionLevel: 1 }), undefined);
    expect(faults).toEqual([]);
    expect(await readdir(folder.join(archive))).toContain('00000002.history.wal');
    // Another one follows it from the copy, over the turn.
    const follower = await restored(`${name}-follower`, false);
    await using following = await PrivatePostgres.start({
      dataDir: follower,
      // The server that replayed the log allows more prepared transactions than this one.
      settings: { restore_command: command('get', archive, '%f', '%p'), hot_standby: false },
    });
    await using client = await opened(following);
    const { rows } = await client.query(
      `SELECT relname AS name FROM pg_class WHERE relname IN ('ticks', 'told') ORDER BY 1`,
    );
    // Without the log it is of the moment of the copy.
    expect(rows).toEqual(replay ? [{ name: 'ticks' }, { name: 'told' }] : [{ name: 'told' }]);
  },
  120_000,
);
