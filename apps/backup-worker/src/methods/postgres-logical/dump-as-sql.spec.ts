import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { promisify } from 'node:util';
import { EncryptionSpec } from '@hozen/contracts';
import { everyKindOfObject, HOSTILE_NAMES, tempDir, TestPostgres, type TempDir } from '@hozen/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { backUp, jobFor, quietContext } from '../../backup.fixture.js';
import { newIdentity } from '../../encryption/age.fixture.js';
import type { BackupJob } from '../../job.js';
import { checkArtefact } from '../../verification/check-artefact.js';
import { contentOfCluster, dumpAll } from '../../verification/cluster-content.fixture.js';
import { proveByRestore } from '../../verification/prove-by-restore.js';

let source: TestPostgres;
let folder: TempDir;

/** psql does not take such a name of a database, and neither does pg_dumpall. */
const LINE_BREAKS = HOSTILE_NAMES.filter((each) => each.includes('\n'));

beforeAll(async () => {
  folder = await tempDir();
  source = await TestPostgres.start();
  await everyKindOfObject(source);
  await using client = await source.client();
  for (const name of LINE_BREAKS) await client.query(`DROP DATABASE ${client.escapeIdentifier(name)}`);
  await using shop = await source.client('shop');
  await shop.query('SET default_transaction_read_only = off');
  await shop.query(`CREATE TABLE small AS SELECT 'unmistakable 1' AS v`);
  await shop.query(`CREATE TABLE "Größe; --" ("A b" int PRIMARY KEY, v text);
    INSERT INTO "Größe; --" SELECT n, E'tab\\tback\\\\slash ' || repeat(md5(n::text), 3) FROM generate_series(1, 40000) n`);
}, 60_000);
afterAll(async () => {
  await source[Symbol.asyncDispose]();
  await folder[Symbol.asyncDispose]();
});

function sqlJob(change: Partial<BackupJob> = {}, config: object = {}): BackupJob {
  const job = jobFor(source.address(), folder.path, change);
  Object.assign(job.config, { format: 'sql', ...config });
  return job;
}

/** Runs the commands of its manifest against a server that has nothing in it. */
async function byHand(artefact: Awaited<ReturnType<typeof backUp>>, server: TestPostgres): Promise<void> {
  const address = { ...server.address(), password: source.password };
  await promisify(execFile)('sh', ['-e', '-c', artefact.manifest.restore.join('\n')], {
    cwd: dirname(artefact.path),
    env: {
      PATH: '/usr/bin:/bin',
      PGHOST: address.host,
      PGPORT: String(address.port),
      PGUSER: address.user,
      PGPASSWORD: address.password,
    },
    maxBuffer: 64 * 2 ** 20,
  });
}

describe('a dump as SQL', () => {
  it.each([
    ['gzip', '.sql.gz', 'gunzip -c'],
    ['zstd', '.sql.zst', 'zstd -dc'],
    ['none', '.sql', 'cat'],
  ])('is one file of text, with a last line (%s)', async (compression, suffix, unpack) => {
    const artefact = await backUp(sqlJob({ startedAt: new Date() }, { compression, name: `text ${compression}` }));
    expect(artefact.path.endsWith(suffix)).toBe(true);
    const { stdout } = await promisify(execFile)('sh', ['-c', `${unpack} '${artefact.path}' | tail -n 1`]);
    expect(stdout).toBe('-- The backup ends here\n');
    await checkArtefact(sqlJob(), artefact, quietContext());
  });

  it('of every kind of object is proven by psql, and restored by hand with the commands of its manifest', async () => {
    const job = sqlJob();
    const artefact = await backUp(job);
    expect(basename(artefact.path)).toBe('20260102_030405_nightly.sql.gz');
    const large = artefact.manifest.databases.find(({ name }) => name === 'shop');
    expect(large?.tables).toBeGreaterThan(20);
    expect(await proveByRestore(job, artefact, quietContext())).toMatchObject({ level: 'restore' });

    await using server = await TestPostgres.start();
    await using client = await server.client();
    // As with pg_dumpall, the passwords of the backup count from its roles on, and psql connects again for each database.
    await client.query(`ALTER ROLE CURRENT_USER PASSWORD ${client.escapeLiteral(source.password)}`);
    await client.query('SET allow_in_place_tablespaces = on');
    await client.query('CREATE ROLE owner');
    await client.query(`CREATE TABLESPACE "fast space" OWNER owner LOCATION ''`);
    await client.end();
    await byHand(artefact, server);
    const address = { ...server.address(), password: source.password };
    expect(await contentOfCluster(address)).toEqual(await contentOfCluster(source.address()));
    const without = { lineBreaks: false };
    expect(await dumpAll(address, without)).toEqual(await dumpAll(source.address(), without));
  }, 240_000);

  it('is encrypted like every other, and no longer whole with one byte changed or without its end', async () => {
    const { recipient } = newIdentity();
    const encryption = Object.assign(new EncryptionSpec(), { recipients: [recipient] });
    const job = sqlJob({ startedAt: new Date(2e12) }, { encryption });
    const encrypted = await backUp(job);
    expect(encrypted.path.endsWith('.sql.gz.age')).toBe(true);
    await checkArtefact(job, encrypted, quietContext());

    const plain = await backUp(sqlJob({ startedAt: new Date(2.1e12) }));
    const whole = await readFile(plain.path);
    for (const damage of [
      (bytes: Buffer) => bytes.writeUInt8((bytes[bytes.length >> 1] ?? 0) ^ 1, bytes.length >> 1),
      (bytes: Buffer) => bytes.fill(0, bytes.length - 30),
    ]) {
      const damaged = Buffer.from(whole);
      damage(damaged);
      await writeFile(plain.path, damaged);
      await expect(checkArtefact(sqlJob(), plain, quietContext())).rejects.toMatchObject({ code: 'ARTEFACT_CORRUPT' });
    }
    await writeFile(plain.path, whole.subarray(0, whole.length - 1));
    await expect(checkArtefact(sqlJob(), plain, quietContext())).rejects.toMatchObject({ code: 'ARTEFACT_CORRUPT' });
  });

  it('is not proven where psql makes something else of it than was dumped', async () => {
    const job = sqlJob({ startedAt: new Date(2.2e12) }, { compression: 'none' });
    const artefact = await backUp(job);
    const whole = await readFile(artefact.path, 'latin1');
    const change = async (from: string, to: string) => {
      expect(whole.split(from).length).toBeGreaterThan(1);
      expect(to.length).toBe(from.length);
      await writeFile(artefact.path, whole.replace(from, to), 'latin1');
      return proveByRestore(job, artefact, quietContext());
    };
    // The text alone, not what Hozen keeps of the definitions in comments.
    const [table = ''] = /CREATE TABLE app\.\w+ \(/.exec(whole) ?? [];
    await expect(change(table, table.replace('TABLE', 'TALBE'))).rejects.toMatchObject({ code: 'CONTENT_DIFFERS' });
    await expect(change('unmistakable 1', 'unmistakable 2')).rejects.toMatchObject({ code: 'CONTENT_DIFFERS' });
  }, 120_000);

  it('fails where a name cannot be said in SQL for psql, and leaves nothing', async () => {
    const [name = ''] = LINE_BREAKS;
    await source.createDatabase(name);
    await using client = await source.client();
    try {
      await expect(backUp(sqlJob({ startedAt: new Date(1e12) }))).rejects.toMatchObject({
        code: 'TOOL_FAILED',
        detail: expect.stringContaining('newline') as string,
      });
    } finally {
      await client.query(`DROP DATABASE ${client.escapeIdentifier(name)}`);
    }
  });
});
