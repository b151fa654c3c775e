import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { HozenError, storageLocation } from '@hozen/contracts';
import { sessionName } from '@hozen/dbms';
import { eventually, tempDir, TestPostgres, type TempDir } from '@hozen/testkit';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, type TestContext } from 'vitest';
import { ArtefactFile } from '../../artefact/artefact-file.js';
import { backUp, jobFor, quietContext } from '../../backup.fixture.js';
import type { AttemptContext, BackupJob } from '../../job.js';
import { CustomFormatReader } from '../../pipeline/custom-format.js';
import { artefactPaths } from '../../storage/artefact-paths.js';
import type { CommittedArtefact } from '../../storage/committed-artefact.js';
import { openArtefact } from '../../storage/open-artefact.js';
import { checkArtefact } from '../../verification/check-artefact.js';
import { proveByRestore } from '../../verification/prove-by-restore.js';
import { checkRoom } from '../check-room.js';
import { checkTarget } from './check-target.js';
import { dumpCluster } from './dump-cluster.js';

let server: TestPostgres;
beforeAll(async () => {
  server = await TestPostgres.start();
});
afterAll(() => server[Symbol.asyncDispose]());

let folder: TempDir;
let databases: string[];
beforeEach(async () => {
  folder = await tempDir();
  databases = [];
});
afterEach(async () => {
  await using client = await server.client();
  for (const name of databases) await client.query(`DROP DATABASE ${client.escapeIdentifier(name)} WITH (FORCE)`);
  await folder[Symbol.asyncDispose]();
});

/** A database with two tables that are large enough for streams of their own. */
async function largeDatabase(): Promise<string> {
  const name = await server.createDatabase();
  databases.push(name);
  await using client = await server.client(name);
  for (const table of ['one', 'two']) {
    await client.query(
      `CREATE TABLE ${table} AS SELECT i AS id, 0 AS balance, repeat(md5(i::text), 30) AS text FROM generate_series(1, 40000) i`,
    );
  }
  return name;
}

function visible(job: BackupJob): string[] {
  const { directory } = artefactPaths(job);
  return existsSync(directory) ? readdirSync(directory) : [];
}

/** Runs `work` once, as soon as data of the dump has come by. */
function whenDumping(work: () => Promise<unknown>): AttemptContext {
  let started: Promise<unknown> | undefined;
  return quietContext({
    progress: ({ phase, bytes = 0 }) => {
      if (phase === 'dumping' && bytes > 0) started ??= work();
    },
  });
}

/** Once one of the tables is being read, and the other one waits for its turn, with its lock. */
async function truncateOnceLocked(database: string): Promise<void> {
  await using client = await server.client(database);
  const copying = `SELECT count(*)::int AS n FROM pg_stat_activity
    WHERE datname = current_database() AND query ~ '^COPY "public"."(one|two)" '`;
  await eventually(async () => {
    const { rows } = await client.query<{ n: number }>(copying);
    expect(rows[0]?.n).toBe(1);
  });
  await client.query('TRUNCATE one, two');
}

async function expectNothingLeft(job: BackupJob): Promise<void> {
  expect(visible(job)).toEqual([]);
  await using client = await server.client();
  const sessions = `SELECT count(*)::int AS n FROM pg_stat_activity WHERE application_name = $1`;
  await eventually(async () => {
    const { rows } = await client.query<{ n: number }>(sessions, [sessionName(job.runId, job.epoch)]);
    expect(rows[0]?.n).toBe(0);
  });
  expect(childrenLike('pg_dump')).toEqual([]);
}

/** Processes that this one has started; other tests have theirs. */
function childrenLike(text: string): string[] {
  const tasks = readdirSync('/proc/self/task');
  const pids = tasks.flatMap((task) => readFileSync(`/proc/self/task/${task}/children`, 'utf8').trim().split(' '));
  const commands = pids.filter(Boolean).map((pid) => readFileSync(`/proc/${pid}/cmdline`, 'latin1'));
  return commands.filter((command) => command.includes(text));
}

async function rowsOf(artefact: CommittedArtefact, table: string): Promise<string[][]> {
  await using file = await ArtefactFile.open(artefact);
  for (const { name } of file.index.streams.filter(({ name }) => /data-\d+\.dump$/.test(name))) {
    const dump = await file.readFile(name);
    const archive = new CustomFormatReader();
    archive.push(dump);
    if (!archive.end().tables.some((each) => each.name === table)) continue;
    const sql = execFileSync('pg_restore', ['-f', '-'], { input: dump, maxBuffer: 1e9 }).toString();
    const [, data = ''] =
      new RegExp(`COPY "public"\\."${table}" .*? FROM stdin;\\n(.*?)\\n\\\\\\.`, 's').exec(sql) ?? [];
    return data.split('\n').map((line) => line.split('\t'));
  }
  throw new Error(`${table} is in no stream`);
}

describe('dumping a cluster', () => {
  it('makes a small restorable artefact of an empty one', async () => {
    const job = jobFor(server.address(), folder.path);
    const artefact = await backUp(job);
    expect(artefact.manifest.databases.map(({ name }) => name)).toEqual(['postgres', 'template1']);
    await checkArtefact(job, artefact, quietContext());
    expect(await proveByRestore(job, artefact, quietContext())).toMatchObject({ databases: 2, tables: 0 });
  });

  it('takes all streams of a database at one moment, while it is being changed', async () => {
    const name = await largeDatabase();
    await using writer = await server.client(name);
    // Fast, so that hardly two moments are alike.
    await writer.query('ALTER TABLE one ADD PRIMARY KEY (id); ALTER TABLE two ADD PRIMARY KEY (id)');
    const move = () =>
      writer.query(`BEGIN; UPDATE one SET balance = balance + 1 WHERE id = 1;
        UPDATE two SET balance = balance - 1 WHERE id = 1; COMMIT`);
    await move();
    const stop = new AbortController();
    const writing = (async () => {
      while (!stop.signal.aborted) await move();
    })();
    const job = jobFor(server.address(), folder.path);
    const artefact = await backUp(job);
    stop.abort();
    await writing;
    const sum = async (table: string) =>
      (await rowsOf(artefact, table)).reduce((total, [, balance]) => total + Number(balance), 0);
    expect(artefact.manifest.databases.find((each) => each.name === name)?.tables).toBe(2);
    expect((await sum('one')) + (await sum('two'))).toBe(0);
    expect(await sum('one')).toBeGreaterThan(0);
  });

  it('never loses a table to a TRUNCATE that comes in between', async () => {
    const name = await largeDatabase();
    const job = jobFor(server.address(), folder.path);
    job.config.jobs = 1;
    let truncated: Promise<unknown> | undefined;
    const context = whenDumping(() => (truncated = truncateOnceLocked(name)));
    const artefact = await backUp(job, context);
    await truncated;
    await using client = await server.client(name);
    expect((await client.query('SELECT FROM one')).rowCount).toBe(0);
    expect(await rowsOf(artefact, 'one')).toHaveLength(40_000);
    expect(await rowsOf(artefact, 'two')).toHaveLength(40_000);
  });

  it('gives up on a table that stays locked, and leaves nothing', async () => {
    const name = await largeDatabase();
    await using client = await server.client(name);
    await client.query('BEGIN; LOCK TABLE one IN ACCESS EXCLUSIVE MODE');
    const job = jobFor(server.address(), folder.path);
    job.config.lockWaitSeconds = 1;
    await expect(backUp(job)).rejects.toMatchObject({ code: 'TARGET_LOCKED' });
    await expectNothingLeft(job);
  });

  it.each([
    { whose: 'a reader', pattern: 'COPY "public"%' },
    { whose: 'the snapshot', pattern: '%pg_attribute a%' },
  ])('fails when the session of $whose is ended after output began, and leaves nothing', async ({ pattern }) => {
    const name = await largeDatabase();
    const job = jobFor(server.address(), folder.path);
    const context = whenDumping(async () => {
      await using client = await server.client();
      await eventually(async () => {
        const { rows } = await client.query(
          'SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1 AND query LIKE $2 AND pid <> pg_backend_pid()',
          [name, pattern],
        );
        expect(rows.length).toBeGreaterThan(0);
      });
    });
    await expect(backUp(job, context)).rejects.toMatchObject({ code: 'TARGET_CONNECTION_LOST' });
    await expectNothingLeft(job);
  });

  it('stops at once when it is cancelled, and leaves nothing', async () => {
    await largeDatabase();
    const job = jobFor(server.address(), folder.path);
    const cancelled = new AbortController();
    const context = quietContext({
      signal: cancelled.signal,
      progress: ({ phase, bytes = 0 }) => {
        if (phase === 'dumping' && bytes > 0) cancelled.abort(new HozenError('CANCELLED'));
      },
    });
    await expect(backUp(job, context)).rejects.toMatchObject({ code: 'CANCELLED' });
    await expectNothingLeft(job);
  });

  it('names what it left out', async () => {
    const name = await server.createDatabase();
    databases.push(name);
    await using client = await server.client();
    await client.query(`ALTER DATABASE ${name} ALLOW_CONNECTIONS false`);
    const artefact = await backUp(jobFor(server.address(), folder.path));
    expect(artefact.manifest.warnings).toEqual([expect.stringContaining(`"${name}" is left out`)]);
    expect(artefact.manifest.databases.map((each) => each.name)).not.toContain(name);
  });

  it('keeps the secret out of everything that it writes', async () => {
    const job = jobFor(server.address(), folder.path);
    const artefact = await backUp(job);
    const texts = [artefact.manifestPath, artefact.checksumPath].map((path) => readFileSync(path, 'utf8'));
    const unpacked = execFileSync('tar', ['-xOf', artefact.path], { maxBuffer: 1e9 }).toString('latin1');
    for (const text of [...texts, unpacked]) expect(text).not.toContain(server.password);
  });
});

describe('a target that cannot be backed up', () => {
  it.each([
    { what: 'a wrong password', change: { password: 'wrong' }, code: 'TARGET_AUTH_FAILED' },
    { what: 'no server', change: { port: 1 }, code: 'TARGET_UNREACHABLE' },
  ])('is refused for $what', async ({ change, code }) => {
    const job = jobFor({ ...server.address(), ...change }, folder.path);
    await expect(backUp(job)).rejects.toMatchObject({ code });
    process.env[`HOZEN_TEST_PASSWORD_${server.port}`] = server.password;
  });

  it('is refused for a user who may not read everything', async () => {
    await using client = await server.client();
    await client.query(`CREATE ROLE poor LOGIN PASSWORD '${server.password}'`);
    try {
      const job = jobFor({ ...server.address(), user: 'poor' }, folder.path);
      await expect(backUp(job)).rejects.toMatchObject({ code: 'TARGET_RIGHTS_MISSING', params: { user: 'poor' } });
    } finally {
      await client.query('DROP ROLE poor');
    }
  });
});

describe('checking a target', () => {
  it('ends the sessions of an earlier owner of the run', async () => {
    const job = jobFor(server.address(), folder.path, { epoch: 5, attempt: 2 });
    const earlier = sessionName(job.runId, 4);
    await using old = await server.client();
    await old.query(`SET application_name = '${earlier}'`);
    await checkTarget(job, quietContext());
    await expect(old.query('SELECT 1')).rejects.toThrow();
  });
});

describe('the destination', () => {
  let mounted: string | undefined;
  afterEach(() => {
    if (mounted !== undefined) execFileSync('umount', ['--lazy', mounted]);
    mounted = undefined;
  });

  /** Skips the test where mounting is not permitted (a container, not root). */
  function mountTmpfs(path: string, options: string, test: TestContext): void {
    mkdirSync(path, { recursive: true });
    try {
      execFileSync('mount', ['-t', 'tmpfs', '-o', options, 'hozen-test', path], { stdio: 'pipe' });
      mounted = path;
    } catch (error) {
      test.skip(`no file system can be mounted here: ${String(error)}`);
    }
  }

  it.for(['4k', '64k', '200k', '1m', '2m', '3m'])(
    'being full after %s ends it, with nothing left',
    async (size, test) => {
      const job = jobFor(server.address(), folder.path);
      mountTmpfs(storageLocation(job.config.storage), `size=${size}`, test);
      await largeDatabase();
      job.config.compression = 'none';
      const context = quietContext();
      const target = await checkTarget(job, context);
      const dump = async () => {
        const writer = await openArtefact(job);
        try {
          await dumpCluster(job, target, writer, context);
          await writer.finish([]);
        } finally {
          await writer.abort();
        }
      };
      await expect(dump()).rejects.toMatchObject({ code: 'DISK_FULL' });
      await expectNothingLeft(job);
    },
  );

  it('being too small is seen before anything begins', async (test) => {
    const job = jobFor(server.address(), folder.path);
    mountTmpfs(storageLocation(job.config.storage), 'size=1m', test);
    const target = await checkTarget(job, quietContext());
    await expect(checkRoom(job, Promise.resolve(target.facts.totals))).rejects.toMatchObject({
      code: 'DISK_TOO_SMALL',
    });
  });

  it('being read-only is seen before anything begins', async (test) => {
    const job = jobFor(server.address(), folder.path);
    mountTmpfs(storageLocation(job.config.storage), 'size=1m,ro', test);
    const target = await checkTarget(job, quietContext());
    await expect(checkRoom(job, Promise.resolve(target.facts.totals))).rejects.toMatchObject({
      code: 'STORAGE_UNWRITABLE',
    });
    await expect(openArtefact(job)).rejects.toMatchObject({ code: 'STORAGE_UNWRITABLE' });
  });
});
