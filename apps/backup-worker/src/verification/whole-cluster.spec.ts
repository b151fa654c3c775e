import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { findTools } from '@hozen/dbms';
import {
  everyKindOfObject,
  HOSTILE_NAMES,
  processesMatching,
  tempDir,
  TestPostgres,
  type TempDir,
} from '@hozen/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { backUp, jobFor, quietContext } from '../backup.fixture.js';
import type { BackupJob } from '../job.js';
import { restoreCluster } from '../restore/restore-cluster.js';
import type { CommittedArtefact } from '../storage/committed-artefact.js';
import { checkArtefact } from './check-artefact.js';
import { contentOfCluster, dumpAll } from './cluster-content.fixture.js';
import { proveByRestore } from './prove-by-restore.js';

let source: TestPostgres;
let folder: TempDir;
let job: BackupJob;
let artefact: CommittedArtefact;

beforeAll(async () => {
  folder = await tempDir();
  source = await TestPostgres.start();
  await everyKindOfObject(source);
  job = jobFor(source.address(), folder.path);
  artefact = await backUp(job);
}, 180_000);

afterAll(async () => {
  await source[Symbol.asyncDispose]();
  await folder[Symbol.asyncDispose]();
});

/** A new server on which tablespaces exist already, as somebody without the original's disks would make them. */
async function emptyServer(): Promise<TestPostgres> {
  const server = await TestPostgres.start();
  await using client = await server.client();
  await client.query('SET allow_in_place_tablespaces = on');
  await client.query('CREATE ROLE owner');
  await client.query(`CREATE TABLESPACE "fast space" OWNER owner LOCATION ''`);
  return server;
}

describe('a cluster with every kind of object', () => {
  it('is found whole when it is read back', async () => {
    await checkArtefact(job, artefact, quietContext());
  });

  it('is proven by a restore into a scratch server, of which nothing stays', async () => {
    const proof = await proveByRestore(job, artefact, quietContext());
    expect(proof).toMatchObject({ level: 'restore', databases: 7 + HOSTILE_NAMES.length });
    expect(proof.tables).toBeGreaterThan(30);
    expect(await processesMatching(job.spoolDir)).toEqual([]);
  }, 180_000);

  it('is the same after restoreCluster', async () => {
    await using server = await emptyServer();
    await restoreCluster({
      artefact: { manifestPath: artefact.manifestPath },
      address: server.address(),
      tools: await findTools(150_000),
      jobs: 2,
      spoolDir: job.spoolDir,
    });
    await expectSame(server);
  }, 180_000);

  it.each([
    { mode: 'unpacked once', room: true },
    { mode: 'read again for each stream', room: false },
  ])(
    'is the same after the commands of the manifest, $mode',
    async ({ room }) => {
      await using server = await emptyServer();
      await restoreByHand(server, { room });
      await expectSame(server);
    },
    180_000,
  );

  it.each([
    ['a database', 'CREATE DATABASE "Customers"', 'database "Customers"'],
    ['a table', 'CREATE TABLE payments ()', 'table payments'],
  ])(
    'is not restored over a server with %s, and nothing is changed there',
    async (_what, sql, found) => {
      await using server = await TestPostgres.start();
      await using client = await server.client();
      await client.query(sql);
      const rolesAndDatabases = async () => {
        const { rows } = await client.query(`
          SELECT 'role' AS kind, rolname AS name, rolpassword AS value FROM pg_authid
          UNION ALL SELECT 'database', datname, oid::text FROM pg_database ORDER BY 1, 2`);
        return rows;
      };
      const before = await rolesAndDatabases();
      await expect(restoreByHand(server, { room: true })).rejects.toMatchObject({
        stderr: expect.stringContaining(`this server is not empty (${found} ...). Nothing was changed.`) as string,
      });
      expect(await rolesAndDatabases()).toEqual(before);
    },
    60_000,
  );
});

/** Runs the commands that stand in the manifest, as a reader without Hozen would. */
async function restoreByHand(server: TestPostgres, { room }: { room: boolean }): Promise<void> {
  await using work = await tempDir();
  const { host, port, user, password = '' } = server.address();
  const bin = join(work.path, 'bin');
  mkdirSync(bin);
  if (!room) fullDisk(join(bin, 'df'));
  execFileSync('sh', ['-e', '-c', artefact.manifest.restore.join('\n')], {
    cwd: dirname(artefact.path),
    env: {
      PATH: `${bin}:/usr/bin:/bin`,
      PGHOST: host,
      PGPORT: String(port),
      PGUSER: user,
      PGPASSWORD: password,
      HOZEN_WORK: work.path,
    },
    encoding: 'utf8',
    stdio: 'pipe',
  });
}

/** A df that sees no room, so that nothing is unpacked. */
function fullDisk(path: string): void {
  writeFileSync(
    path,
    '#!/bin/sh\nprintf "Filesystem 1024-blocks Used Available Capacity Mounted\\nx 1 1 0 100%% /\\n"\n',
  );
  chmodSync(path, 0o755);
}

/** The superuser of the restored server has the password of the original's. */
async function expectSame(server: TestPostgres): Promise<void> {
  const restored = { ...server.address(), password: source.password };
  expect(await contentOfCluster(restored)).toEqual(await contentOfCluster(source.address()));
  expect(await dumpAll(restored)).toEqual(await dumpAll(source.address()));
}
