import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { mkdir, open } from 'node:fs/promises';
import { connect, giveToServer, PrivatePostgres, whyUnconfined } from '@hozen/dbms';
import { tempDir, TestPostgres, type TempDir } from '@hozen/testkit';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { BackupSeries, type MadeBackup } from '../backup-series.fixture.js';
import { quietContext } from '../backup.fixture.js';
import { makeStartable } from '../restore/physical/make-startable.js';
import type { CommittedArtefact } from '../storage/committed-artefact.js';
import { restoreAndCompare } from '../verification/restore-and-compare.js';
import { recoverTo } from './recover-to.js';

/** Of 1 MB each: more than are put ready at one time, and more than stay. */
const FILES = 70;

let server: TestPostgres;
let folder: TempDir;
let copy: MadeBackup;
let log: CommittedArtefact;
let all: CommittedArtefact[];
let place = 0;
let directory: string;

const missing = await whyUnconfined();
const skipped = missing === undefined ? '' : ` (skipped, no sandbox can be had here: ${missing})`;

beforeAll(async () => {
  server = await TestPostgres.start({ initdbArgs: ['--wal-segsize=1'] });
  folder = await tempDir();
  copy = await new BackupSeries(server.address(), folder.join('copies')).make('full');
  const logs = new BackupSeries(server.address(), folder.path, () => undefined, 'postgres-wal');
  const first = await logs.make('transaction_log');
  await using client = await connect(server.address(), { applicationName: 'hozen test' });
  await client.query('CREATE TABLE ticks (n int)');
  for (let n = 1; n <= FILES; n++) {
    await client.query('SELECT pg_switch_wal()');
    await client.query('INSERT INTO ticks VALUES ($1)', [n]);
  }
  log = (await logs.make('transaction_log')).artefact;
  all = [first.artefact, log];
}, 60_000);
afterAll(async () => {
  await server[Symbol.asyncDispose]();
  await folder[Symbol.asyncDispose]();
});
beforeEach(async () => {
  directory = folder.join(`restored-${place++}`);
  await mkdir(directory, { mode: 0o700 });
  await restoreAndCompare([copy.artefact], directory, quietContext());
  await makeStartable(directory);
});

function recovery(
  logs: CommittedArtefact[],
  signal = new AbortController().signal,
  progress = () => undefined as void,
) {
  return recoverTo({
    directory,
    copy: copy.artefact,
    logs,
    point: { latest: true },
    stopAt: undefined,
    scratch: `${directory}.scratch`,
    applicationName: 'hozen test',
    signal,
    progress,
  });
}

it('a server replays more WAL than is put ready at one time', async () => {
  const reached = await recovery(all);
  expect(reached.timeline).toBe(2);
  expect(reached.lastTransactionAt).toBeDefined();
  await giveToServer(directory);
  await using restored = await PrivatePostgres.start({ dataDir: directory });
  await using client = await connect(restored.address(), { applicationName: 'hozen test' });
  expect((await client.query('SELECT count(*)::int AS n FROM ticks')).rows).toEqual([{ n: FILES }]);
});

it.skipIf(missing !== undefined)(`the server that replays is held in a sandbox${skipped}`, async () => {
  const spaces = new Set<string>();
  await recovery(all, undefined, () => {
    for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
      const server = spaceOfServer(pid);
      if (server !== undefined) spaces.add(server);
    }
  });
  expect(spaces.size).toBe(1);
  expect(spaces).not.toContain(readlinkSync('/proc/self/ns/mnt'));
});

/** Which files a process sees, where it is the server. */
function spaceOfServer(pid: string): string | undefined {
  try {
    const [program, ...args] = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
    const isServer = program?.endsWith('/postgres') && args.includes(directory);
    return isServer ? readlinkSync(`/proc/${pid}/ns/mnt`) : undefined;
  } catch {
    return undefined;
  }
}

it('a log that is damaged ends the replay with what is wrong, and does not pass for the end of the log', async () => {
  await using file = await open(log.path, 'r+');
  const byte = Buffer.alloc(1);
  const middle = Math.floor(log.bytes / 2);
  await file.read(byte, 0, 1, middle);
  await file.write(Buffer.from([(byte[0] ?? 0) ^ 0xff]), 0, 1, middle);
  await expect(recovery(all)).rejects.toMatchObject({ code: 'ARTEFACT_CORRUPT' });
  await file.write(byte, 0, 1, middle);
});

it('a replay stops when it is cancelled', async () => {
  const cancelled = new AbortController();
  const replaying = recovery(all, cancelled.signal);
  cancelled.abort(new Error('enough'));
  await expect(replaying).rejects.toThrow('enough');
});
