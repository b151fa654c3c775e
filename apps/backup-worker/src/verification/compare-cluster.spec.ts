import { existsSync } from 'node:fs';
import { connect, findTools, inspectCluster, toolEnvironment } from '@hozen/dbms';
import { processesMatching, tempDir, TestPostgres, type TempDir } from '@hozen/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ArtefactFile } from '../artefact/artefact-file.js';
import { backUp, jobFor, quietContext } from '../backup.fixture.js';
import type { AttemptContext, BackupJob } from '../job.js';
import { restoreCluster } from '../restore/restore-cluster.js';
import { runBackup } from '../runs/run-backup.js';
import type { CommittedArtefact } from '../storage/committed-artefact.js';
import { compareCluster } from './compare-cluster.js';
import { proveByRestore } from './prove-by-restore.js';

const OBJECTS = `
  CREATE ROLE somebody;
  CREATE TABLE changed AS SELECT i, 'row ' || i AS text FROM generate_series(1, 100) i;
  CREATE TABLE shortened AS SELECT * FROM changed;
  CREATE TABLE swapped AS SELECT * FROM changed;
  CREATE TABLE dropped AS SELECT * FROM changed;
  CREATE TABLE reordered AS SELECT i, repeat('x', (i * 37) % 900) AS text FROM generate_series(1, 500) i;
  CREATE TABLE indexed (a int PRIMARY KEY, b int CHECK (b > 0));
  CREATE SEQUENCE counter;
  SELECT lo_from_bytea(4711, 'large');
  ALTER TABLE indexed OWNER TO somebody;
`;

let source: TestPostgres;
let copy: TestPostgres;
let folder: TempDir;
let job: BackupJob;
let artefact: CommittedArtefact;

beforeAll(async () => {
  folder = await tempDir();
  [source, copy] = await Promise.all([TestPostgres.start(), TestPostgres.start()]);
  await using client = await source.client();
  await client.query(OBJECTS);
  job = jobFor(source.address(), folder.path);
  artefact = await backUp(job);
  const tools = await findTools(150_000);
  await restoreCluster({ artefact, address: copy.address(), tools, jobs: 2, spoolDir: job.spoolDir });
});
afterAll(async () => {
  await Promise.all([source[Symbol.asyncDispose](), copy[Symbol.asyncDispose]()]);
  await folder[Symbol.asyncDispose]();
});

const restored = () => ({ ...copy.address(), password: source.password });

async function differences(): Promise<string[]> {
  await using file = await ArtefactFile.open(artefact);
  await using client = await connect(restored(), { applicationName: 'test' });
  await using env = await toolEnvironment(restored());
  const facts = await inspectCluster(client);
  const tools = await findTools(facts.versionNum);
  const scratch = {
    address: restored(),
    facts,
    tools,
    databases: facts.databases,
    bytes: 0,
    settings: {},
    warnings: [],
  };
  const signal = new AbortController().signal;
  return await compareCluster(file, { job, scratch, env, withoutUnlogged: false, signal, onBytes: () => undefined });
}

/** Changes the copy, looks what is found, and takes the change back. */
async function found(change: string, undo: string): Promise<string[]> {
  await using client = await connect(restored(), { applicationName: 'test' });
  await client.query(change);
  try {
    return await differences();
  } finally {
    await client.query(undo);
  }
}

describe('comparing a restored copy with the backup', () => {
  it('finds nothing when nothing differs', async () => {
    expect(await differences()).toEqual([]);
  });

  it.each([
    [
      'a changed letter',
      `UPDATE changed SET text = 'row 8' WHERE i = 7`,
      `UPDATE changed SET text = 'row 7' WHERE i = 7`,
    ],
    ['a missing row', 'DELETE FROM shortened WHERE i = 100', `INSERT INTO shortened VALUES (100, 'row 100')`],
    [
      'two values that changed places',
      `UPDATE swapped SET text = CASE i WHEN 1 THEN 'row 2' ELSE 'row 1' END WHERE i IN (1, 2)`,
      `UPDATE swapped SET text = 'row ' || i`,
    ],
    ['a missing table', 'ALTER TABLE dropped RENAME TO gone', 'ALTER TABLE gone RENAME TO dropped'],
    [
      'a missing constraint',
      'ALTER TABLE indexed DROP CONSTRAINT indexed_b_check',
      'ALTER TABLE indexed ADD CHECK (b > 0)',
    ],
    ['another owner', 'ALTER TABLE indexed OWNER TO postgres', 'ALTER TABLE indexed OWNER TO somebody'],
    ['a right', 'GRANT SELECT ON changed TO somebody', 'REVOKE SELECT ON changed FROM somebody'],
    ['the value of a sequence', `SELECT setval('counter', 5)`, `SELECT setval('counter', 1, false)`],
    ['the bytes of a large object', `SELECT lo_put(4711, 0, 'L')`, `SELECT lo_put(4711, 0, 'l')`],
    ['a role', 'ALTER ROLE somebody CREATEDB', 'ALTER ROLE somebody NOCREATEDB'],
    [
      'the setting of a database',
      'ALTER DATABASE postgres SET work_mem = 64',
      'ALTER DATABASE postgres RESET work_mem',
    ],
    ['another database', 'CREATE DATABASE stray', 'DROP DATABASE stray'],
  ])('finds %s', async (_what, change, undo) => {
    const names = await found(change, undo);
    expect(names.length).toBeGreaterThan(0);
    expect(await differences()).toEqual([]);
  });

  it('names the object', async () => {
    const names = await found('DELETE FROM shortened WHERE i = 1', `INSERT INTO shortened VALUES (1, 'row 1')`);
    expect(names).toEqual(['database postgres: table public.shortened has 99 rows instead of 100']);
  });

  it('takes no notice of the order of rows', async () => {
    const shuffle = `CREATE TABLE tmp AS SELECT * FROM reordered; TRUNCATE reordered;
      INSERT INTO reordered SELECT * FROM tmp ORDER BY md5(i::text); DROP TABLE tmp`;
    expect(await found(shuffle, 'SELECT 1')).toEqual([]);
  });
});

/** The artefact stands already: the target is not even asked. */
function neverChecked(): Promise<never> {
  const checking = Promise.reject(new Error('asked'));
  checking.catch(() => undefined);
  return checking;
}

describe('a proof', () => {
  /** Kills the scratch server as soon as something has been restored into it. */
  function killingContext(): { context: AttemptContext; killed: () => boolean } {
    let killed: Promise<void> | undefined;
    const kill = async () => {
      const [postmaster] = (await processesMatching(job.spoolDir)).filter(({ command }) =>
        /^\S*postgres -D/.test(command),
      );
      if (postmaster) process.kill(postmaster.pid, 'SIGKILL');
    };
    const context = quietContext({
      progress: ({ phase, bytes = 0 }) => {
        if (phase === 'restoring' && bytes > 0) killed ??= kill();
      },
    });
    return { context, killed: () => killed !== undefined };
  }

  it('blames the scratch server when that dies, and leaves nothing of it', async () => {
    const { context, killed } = killingContext();
    await expect(proveByRestore(job, artefact, context)).rejects.toMatchObject({ code: 'SANDBOX_FAILED' });
    expect(killed()).toBe(true);
    expect(await processesMatching(job.spoolDir)).toEqual([]);
  });

  it('that its server could not finish leaves a backup that was read back, and is not called restored', async () => {
    const { context } = killingContext();
    const result = await runBackup(job, neverChecked(), context);
    expect(result).toMatchObject({
      proof: { level: 'checksum' },
      unproven: { code: 'SANDBOX_FAILED' },
      warnings: [expect.stringContaining('not restored for a proof')],
    });
    expect(existsSync(artefact.path)).toBe(true);
  });

  it('ends when it is told to', async () => {
    const cancelled = new AbortController();
    const reason = new Error('enough');
    const context = quietContext({
      signal: cancelled.signal,
      progress: ({ phase }) => {
        if (phase === 'restoring') cancelled.abort(reason);
      },
    });
    await expect(proveByRestore(job, artefact, context)).rejects.toBe(reason);
    expect(await processesMatching(job.spoolDir)).toEqual([]);
  });
});
