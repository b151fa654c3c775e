import { mkdirSync } from 'node:fs';
import { open, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { giveToServer, type PostgresAddress } from '@hozen/dbms';
import { eventually, tempDir, TestPostgres, type TempDir } from '@hozen/testkit';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { jobFor, quietContext } from '../../backup.fixture.js';
import { besides } from '../../storage/artefact-paths.js';
import type { CommittedArtefact } from '../../storage/committed-artefact.js';
import { chainOf } from '../../restore/chain.js';
import { checkArtefact } from '../../verification/check-artefact.js';
import { proveByStart } from '../../verification/prove-by-start.js';
import { checkPhysicalTarget } from './check-target.js';
import { BackupSeries, type MadeBackup } from '../../backup-series.fixture.js';
import { byHand, contentOf, expectProven, restoredByHand } from './physical.fixture.js';

let server: TestPostgres;
beforeAll(async () => {
  server = await TestPostgres.start({ initdbArgs: ['--data-checksums'] });
});
afterAll(() => server[Symbol.asyncDispose]());

let folder: TempDir;
beforeEach(async () => {
  folder = await tempDir();
  await using client = await server.client();
  await client.query(`
    CREATE TABLE steady AS SELECT i AS id, repeat(md5(i::text), 8) AS text FROM generate_series(1, 40000) i;
    CREATE INDEX ON steady (id);
    CREATE TABLE busy AS SELECT i AS id, 0 AS n, md5(i::text) AS text FROM generate_series(1, 20000) i;
    CREATE TABLE fleeting AS SELECT i AS id FROM generate_series(1, 1000) i`);
});
afterEach(async () => {
  await using client = await server.client();
  await client.query('DROP TABLE IF EXISTS steady, busy, fleeting, later');
  await folder[Symbol.asyncDispose]();
});

async function change(): Promise<void> {
  await using client = await server.client();
  await client.query(`
    UPDATE busy SET n = n + 1 WHERE id % 50 = 0;
    DROP TABLE IF EXISTS fleeting;
    CREATE TABLE IF NOT EXISTS later AS SELECT i AS id FROM generate_series(1, 5000) i;
    DELETE FROM busy WHERE id > 15000`);
  await client.query('VACUUM busy');
}

async function pathsOf({ job, artefact }: MadeBackup): Promise<string[]> {
  return (await chainOf(artefact, job.config)).map(({ path }) => path);
}

describe.each(['files', 'server'] as const)('a copy of the files, by %s', (copyBy) => {
  const backupsOf = (address: PostgresAddress) =>
    new BackupSeries(address, folder.path, (job) => (job.config.copyBy = copyBy));

  it('is proven, and restores with its own script to what was there', async () => {
    const full = await backupsOf(server.address()).make('full');
    await expectProven(full);
    expect(await restoredByHand(folder.path, [full.artefact.path])).toEqual(await contentOf(server.address()));
  });

  it('may be built on by one that has only what changed since', async () => {
    const backups = backupsOf(server.address());
    const full = await backups.make('full');
    await change();
    const first = await backups.make('incremental');
    await change();
    const second = await backups.make('incremental');
    expect(second.artefact.manifest).toMatchObject({
      level: 'incremental',
      physical: { increment: 'page-lsn', parent: { runId: first.job.runId } },
    });
    expect(second.artefact.originalBytes).toBeLessThan(full.artefact.originalBytes * 0.8);
    await expectProven(second);
    const paths = await pathsOf(second);
    expect(paths).toEqual([full, first, second].map(({ artefact }) => artefact.path));
    expect(await restoredByHand(folder.path, paths)).toEqual(await contentOf(server.address()));
  });

  it('restores to what was there where files are left alone that nobody wrote since', async () => {
    // What was just written is read in any case.
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 60_000 });
    try {
      const backups = backupsOf(server.address());
      await backups.make('full');
      await change();
      await backups.make('incremental');
      await change();
      const second = await backups.make('incremental');
      await expectProven(second);
      expect(await restoredByHand(folder.path, await pathsOf(second))).toEqual(await contentOf(server.address()));
    } finally {
      vi.useRealTimers();
    }
  });

  it('holds what changed since the last full one, where it is differential', async () => {
    const backups = backupsOf(server.address());
    const full = await backups.make('full');
    await change();
    await backups.make('incremental');
    await change();
    const differential = await backups.make('differential');
    expect(differential.artefact.manifest.physical?.parent?.runId).toBe(full.job.runId);
    await expectProven(differential);
    expect(await restoredByHand(folder.path, await pathsOf(differential))).toEqual(await contentOf(server.address()));
  });

  it('has its tablespaces, wherever they are put', async () => {
    const place = folder.join('space');
    mkdirSync(place);
    await giveToServer(place);
    await using client = await server.client();
    await client.query(`CREATE TABLESPACE elsewhere LOCATION '${place}'`);
    try {
      await client.query('CREATE TABLE later TABLESPACE elsewhere AS SELECT i AS id FROM generate_series(1, 30000) i');
      const backups = backupsOf(server.address());
      const full = await backups.make('full');
      await client.query('UPDATE later SET id = -id WHERE id < 100');
      const increment = await backups.make('incremental');
      expect(full.artefact.manifest.tablespaces).toEqual([{ name: 'elsewhere', location: place }]);
      await expectProven(increment);
      expect(await restoredByHand(folder.path, await pathsOf(increment))).toEqual(await contentOf(server.address()));
    } finally {
      await client.query('DROP TABLE later');
      await client.query('DROP TABLESPACE elsewhere');
    }
  });

  it('is made in full where there is nothing sound to build on, and says why', async () => {
    const backups = new BackupSeries(server.address(), folder.path, (job) =>
      Object.assign(job.config, { copyBy, maxChain: 2 }),
    );
    const first = await backups.make('incremental');
    expect(first.artefact.manifest).toMatchObject({
      level: 'full',
      warnings: [expect.stringContaining('there is no earlier backup')],
    });
    expect((await backups.make('incremental')).artefact.manifest.level).toBe('incremental');
    const third = await backups.make('incremental');
    expect(third.artefact.manifest).toMatchObject({
      level: 'full',
      warnings: [expect.stringContaining('maxChain is 2')],
    });
  });

  it('is made in full where the list of what it would build on was changed', async () => {
    const backups = backupsOf(server.address());
    const { files } = besides((await backups.make('full')).artefact.path);
    await writeFile(files, (await readFile(files, 'utf8')).replace('"Files"', ' "Files"'));
    expect((await backups.make('incremental')).artefact.manifest).toMatchObject({
      level: 'full',
      warnings: [expect.stringContaining('was changed')],
    });
  });

  it('cannot be restored without what it builds on', async () => {
    const backups = backupsOf(server.address());
    const full = await backups.make('full');
    const { job, artefact } = await backups.make('incremental');
    await rm(full.artefact.manifestPath);
    await expect(proveByStart(job, artefact, quietContext())).rejects.toMatchObject({
      code: 'ARTEFACT_CORRUPT',
      message: expect.stringContaining('missing') as string,
    });
    expect(() => byHand(folder.path, [artefact.path])).toThrow(/builds on backup/);
  });

  it('is found wrong when a byte of it is', async () => {
    const { job, artefact } = await backupsOf(server.address()).make('full');
    await flip(artefact, artefact.bytes / 2);
    await expect(checkArtefact(job, artefact, quietContext())).rejects.toMatchObject({ code: 'ARTEFACT_CORRUPT' });
  });

  it('leaves neither slot nor session behind when it is cancelled', async () => {
    const abort = new AbortController();
    const backups = backupsOf(server.address());
    const cancelled = backups.make('full', {
      signal: abort.signal,
      progress: ({ phase }) => {
        if (phase === 'dumping') abort.abort(new Error('cancelled'));
      },
    });
    await expect(cancelled).rejects.toThrow('cancelled');
    await using client = await server.client();
    await eventually(async () => {
      const { rows } = await client.query(
        `SELECT slot_name FROM pg_replication_slots UNION ALL
         SELECT application_name FROM pg_stat_activity WHERE application_name LIKE 'hozen/%'`,
      );
      expect(rows).toEqual([]);
    });
  });

  it('ends when the server cuts it off', async () => {
    await using client = await server.client();
    let cut: Promise<unknown> | undefined;
    const backups = backupsOf(server.address());
    const backup = backups.make('full', {
      progress: ({ phase }) => {
        if (phase === 'dumping')
          cut ??= client.query(
            `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'hozen/%'`,
          );
      },
    });
    await expect(backup).rejects.toMatchObject({ code: 'TARGET_CONNECTION_LOST' });
    await cut;
  });
});

describe('a server whose files cannot be copied', () => {
  it('is refused with the right that is missing', async () => {
    await using client = await server.client();
    await client.query(`CREATE ROLE reader LOGIN PASSWORD 'reader' IN ROLE pg_read_all_data`);
    try {
      const job = jobFor({ ...server.address(), user: 'reader', password: 'reader' }, folder.path);
      await expect(checkPhysicalTarget(job, quietContext())).rejects.toMatchObject({
        code: 'TARGET_REPLICATION_MISSING',
        hint: expect.stringContaining('ALTER ROLE "reader" REPLICATION') as string,
      });
    } finally {
      await client.query('DROP ROLE reader');
    }
  });

  it('is refused with the setting that is in the way', async () => {
    await using other = await TestPostgres.start({ settings: { wal_level: 'minimal', max_wal_senders: 0 } });
    const job = jobFor(other.address(), folder.path);
    await expect(checkPhysicalTarget(job, quietContext())).rejects.toMatchObject({
      code: 'TARGET_UNSUITABLE',
      message: expect.stringContaining('wal_level is minimal') as string,
    });
  });
});

describe('a server without page checksums', () => {
  it('is copied in increments although hint bits change without WAL', async () => {
    await using other = await TestPostgres.start();
    await using client = await other.client();
    await client.query('CREATE TABLE hinted AS SELECT i AS id FROM generate_series(1, 50000) i; CHECKPOINT');
    const backups = new BackupSeries(other.address(), folder.path);
    await backups.make('full');
    // The first reading after the checkpoint sets them, on every page.
    await client.query('SELECT count(*) FROM hinted; CHECKPOINT');
    const increment = await backups.make('incremental');
    await expectProven(increment);
    expect(await restoredByHand(folder.path, await pathsOf(increment))).toEqual(await contentOf(other.address()));
  });
});

describe('a damaged server', () => {
  it.each(['files', 'server'] as const)('is copied as it is, and the proof says so (by %s)', async (copyBy) => {
    await using other = await TestPostgres.start({ initdbArgs: ['--data-checksums'] });
    await using client = await other.client();
    await client.query('CREATE TABLE broken AS SELECT i AS id FROM generate_series(1, 5000) i');
    const { rows } = await client.query<{ path: string }>(`SELECT pg_relation_filepath('broken') AS path`);
    await client.end();
    await other.restart();
    await overwrite(join(other.dataDir, rows[0]?.path ?? ''), 3 * 8192 + 4000);
    const backups = new BackupSeries(other.address(), folder.path, (job) => (job.config.copyBy = copyBy));
    const { job, artefact } = await backups.make('full');
    expect(artefact.manifest.physical?.damaged).toBe(copyBy === 'server');
    if (copyBy === 'server') expect(artefact.manifest.warnings).toContainEqual(expect.stringContaining('block 3'));
    await checkArtefact(job, artefact, quietContext());
    expect(await proveByStart(job, artefact, quietContext())).toMatchObject({ level: 'checksum', damaged: true });
  });
});

async function flip({ path }: CommittedArtefact, near: number): Promise<void> {
  await overwrite(path, Math.floor(near));
}

async function overwrite(path: string, offset: number): Promise<void> {
  await using file = await open(path, 'r+');
  const byte = Buffer.alloc(1);
  await file.read(byte, 0, 1, offset);
  byte[0] = (byte[0] ?? 0) ^ 0x55;
  await file.write(byte, 0, 1, offset);
}
