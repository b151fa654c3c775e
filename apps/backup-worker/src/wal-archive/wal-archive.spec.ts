import { execFile, execFileSync } from 'node:child_process';
import { copyFile, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { FileStorageSpec, S3StorageSpec, type StorageSpec } from '@hozen/contracts';
import { FaultProxy, NO_S3, s3Program, tempDir, TestPostgres, TestS3, type TempDir } from '@hozen/testkit';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { newSigning } from '../artefact/signing.fixture.js';
import { newIdentity } from '../encryption/age.fixture.js';
import { archiveFile } from './archive.fixture.js';
import { contentsOf } from './contents.js';
import { getFile } from './get-file.js';
import { WalArchive, type ArchiveSpec } from './wal-archive.js';
import { walNameOf, type WalName } from './wal-name.js';

const HOZEN = fileURLToPath(new URL('../../../cli/bin/hozen.mjs', import.meta.url));

let source: TempDir;
/** Of a real server, 1 MB each, in order. */
let segments: string[];
let folder: TempDir;

beforeAll(async () => {
  source = await tempDir();
  segments = await walOf(source.join('one'));
  await walOf(source.join('other'));
});
afterAll(() => source[Symbol.asyncDispose]());
beforeEach(async () => {
  folder = await tempDir();
});
afterEach(() => folder[Symbol.asyncDispose]());

/** Copies what a new server has in its pg_wal. */
async function walOf(into: string): Promise<string[]> {
  await using server = await TestPostgres.start({ initdbArgs: ['--wal-segsize=1'] });
  await using client = await server.client();
  for (let n = 0; n < 6; n++) {
    await client.query(`SELECT pg_logical_emit_message(false, 'hozen', repeat('x', 5000)), pg_switch_wal()`);
  }
  const { rows } = await client.query<{ now: string }>('SELECT pg_walfile_name(pg_current_wal_lsn()) AS now');
  const names = await readdir(join(server.dataDir, 'pg_wal'));
  const full = names.filter((name) => /^[0-9A-F]{24}$/.test(name) && name < (rows[0]?.now ?? '')).toSorted();
  await mkdir(join(into, 'pg_wal'), { recursive: true });
  await mkdir(join(into, 'global'));
  await copyFile(join(server.dataDir, 'global/pg_control'), join(into, 'global/pg_control'));
  for (const name of full) await copyFile(join(server.dataDir, 'pg_wal', name), join(into, 'pg_wal', name));
  return full.map((name) => join(into, 'pg_wal', name));
}

function inFolder(change: Partial<ArchiveSpec> = {}): Promise<WalArchive> {
  const walArchive: StorageSpec = Object.assign(new FileStorageSpec(), { kind: 'file', path: folder.join('archive') });
  return WalArchive.of({ walArchive, compressionLevel: 1, ...change });
}

function nameOf(path: string): WalName {
  return walNameOf(basename(path)) as WalName;
}

async function namesIn(archive: WalArchive): Promise<string[]> {
  const names: string[] = [];
  for await (const { name } of archive.names()) names.push(name);
  return names;
}

describe('a WAL archive', () => {
  it('gives back what was pushed, of every kind', async () => {
    const archive = await inFolder();
    const [first = '', second = ''] = segments;
    const aside = source.join('one/pg_wal');
    const others = [
      [`${basename(second)}.partial`, await readFile(second)],
      ['00000002.history', '1\t0/3000000\tno recovery target specified\n'],
      [`${basename(second)}.00000028.backup`, 'START WAL LOCATION: 0/3000028\n'],
    ] as const;
    for (const [name, content] of others) await writeFile(join(aside, name), content);
    for (const name of [first, ...others.map(([each]) => join(aside, each))]) await archive.push(name);
    expect(await archive.get(nameOf(first))).toEqual(await readFile(first));
    for (const [name, content] of others) {
      expect(await archive.get(walNameOf(name) as WalName)).toEqual(Buffer.from(content));
    }
    expect(await namesIn(archive)).toHaveLength(4);
  });

  it('takes the same again, and never anything else under a name that is taken', async () => {
    const archive = await inFolder();
    const [first = ''] = segments;
    const before = await archive.push(first);
    expect(await archive.push(first)).toBe(before);
    const changed = folder.join(basename(first));
    const content = await readFile(first);
    content.writeUInt8(content.readUInt8(90_000) ^ 1, 90_000);
    await writeFile(changed, content);
    await expect(archive.push(changed)).rejects.toMatchObject({ code: 'WAL_CONFLICT' });
    expect(await archive.get(nameOf(first))).toEqual(await readFile(first));
  });

  it('belongs to the cluster that comes first, whatever another one brings', async () => {
    const archive = await inFolder();
    await archive.push(segments[0] ?? '');
    const other = source.join('other/pg_wal');
    const [foreign = ''] = (await readdir(other)).toSorted();
    await writeFile(join(other, '00000009.history'), '1\t0/3000000\tx\n');
    for (const name of [foreign, '00000009.history']) {
      await expect((await inFolder()).push(join(other, name))).rejects.toMatchObject({ code: 'WAL_FOREIGN' });
    }
  });

  it('takes nothing that is not what its name says', async () => {
    const archive = await inFolder();
    const [first = '', second = ''] = segments;
    const whole = await readFile(first);
    const wrong: [string, Buffer][] = [
      [basename(second), whole],
      [basename(first), whole.subarray(0, 900_000)],
      [basename(first), Buffer.alloc(whole.length)],
      [basename(first), Buffer.alloc(0)],
      ['00000002.history', Buffer.alloc(0)],
      ['-rf', whole],
      [`${basename(first)}.tmp`, whole],
    ];
    for (const [name, content] of wrong) {
      await writeFile(folder.join(name), content);
      await expect(archive.push(folder.join(name)), name).rejects.toMatchObject({ code: 'WAL_INVALID' });
    }
    await expect(archive.push(folder.join('000000010000000000000099'))).rejects.toMatchObject({
      code: 'FILE_UNREADABLE',
    });
    expect(await namesIn(archive)).toEqual([]);
  });

  it('is pushed into by many at once, and has each file once', async () => {
    const archives = await Promise.all(Array.from({ length: 4 }, () => inFolder()));
    await Promise.all(archives.flatMap((archive) => segments.map((path) => archive.push(path))));
    expect(await namesIn(await inFolder())).toEqual(segments.map((path) => basename(path)));
    const left = (await readdir(folder.join('archive'), { recursive: true })).filter((name) =>
      name.includes('partial'),
    );
    expect(left).toEqual([]);
  });

  it('finds a byte that has changed, wherever it is', async () => {
    const archive = await inFolder();
    const [first = ''] = segments;
    await archive.push(first);
    const path = archive.store.pathOf(`${basename(first).slice(0, 16)}/${basename(first)}.wal`);
    const stored = await readFile(path);
    for (const at of [0, 10, 60, 1030, stored.length - 2]) {
      const changed = Buffer.from(stored);
      changed.writeUInt8(changed.readUInt8(at) ^ 1, at);
      await writeFile(path, changed);
      await expect(archive.get(nameOf(first)), String(at)).rejects.toMatchObject({ code: 'ARTEFACT_CORRUPT' });
      // It must not pass for "stored already" either.
      await expect(archive.push(first), String(at)).rejects.toMatchObject({ code: 'ARTEFACT_CORRUPT' });
    }
    await writeFile(path, stored.subarray(0, stored.length - 100));
    await expect(archive.get(nameOf(first))).rejects.toMatchObject({ code: 'ARTEFACT_CORRUPT' });
  });

  it('is encrypted and signed as the config says; its key alone reads it, and its tools are those of any Debian', async () => {
    const { recipient, secret } = newIdentity();
    await writeFile(folder.join('identity'), secret);
    const signing = newSigning(folder.join('key.pem'));
    const [first = ''] = segments;
    const writer = await inFolder({ encryption: { recipients: [recipient] }, signing });
    await writer.push(first);
    await writer.push(first);
    await expect(writer.get(nameOf(first))).rejects.toMatchObject({ code: 'IDENTITY_MISSING' });
    expect(await writer.inspect(nameOf(first))).toMatchObject({ name: basename(first), encryption: 'age-v1' });
    const encryption = { recipients: [recipient], identity: `file:${folder.join('identity')}` };
    const reader = await inFolder({ encryption, signing });
    expect(await reader.get(nameOf(first))).toEqual(await readFile(first));
    const path = reader.store.pathOf(`${basename(first).slice(0, 16)}/${basename(first)}.wal`);
    const script = 'tail -c +1025 "$1" | age -d -i "$2" | zstd -dq';
    const byHand = execFileSync('sh', ['-c', script, 'sh', path, folder.join('identity')], { maxBuffer: 1e8 });
    expect(byHand).toEqual(await readFile(first));
    const unsigned = await inFolder({ encryption });
    await unsigned.push(segments[1] ?? '');
    await expect(reader.get(nameOf(segments[1] ?? ''))).rejects.toMatchObject({ code: 'SIGNATURE_MISSING' });
  });

  it('that is not encrypted is read by zstd alone', async () => {
    const archive = await inFolder();
    const [first = ''] = segments;
    await archive.push(first);
    const path = archive.store.pathOf(`${basename(first).slice(0, 16)}/${basename(first)}.wal`);
    expect(execFileSync('zstd', ['-dqc', path], { maxBuffer: 1e8 })).toEqual(await readFile(first));
  });

  it('tells a gap from the end of its WAL', async () => {
    const archive = await inFolder();
    const [first = '', second = '', third = '', ...rest] = segments;
    for (const path of [first, third, ...rest]) await archive.push(path);
    await expect(getFile(archive, basename(second), 200)).rejects.toMatchObject({ code: 'WAL_GAP' });
    const after = '0000000100000000000000FF';
    expect(await getFile(archive, after, 200)).toBeUndefined();
    expect(await getFile(archive, '00000002.history', 200)).toBeUndefined();
    expect(await getFile(archive, '000000020000000000000003', 200)).toBeUndefined();
    const { stretches, gaps } = await contentsOf(archive);
    expect(stretches).toMatchObject([{ segments: 1 }, { first: basename(third), segments: segments.length - 2 }]);
    expect(gaps).toMatchObject([{ after: basename(first), before: basename(third), missing: 1 }]);
    // A push that comes late closes it.
    const [found] = await Promise.all([getFile(archive, basename(second)), archive.push(second)]);
    expect(found).toEqual(await readFile(second));
    expect((await contentsOf(archive)).gaps).toEqual([]);
  });
});

describe('hozen wal push', () => {
  const push = (path: string, env: Record<string, string> = {}, ...more: string[]) =>
    new Promise<{ code: number | string; stderr: string }>((resolve) => {
      const args = [HOZEN, 'wal', 'push', '--file', folder.join('backups.yaml'), ...more, path];
      execFile(process.execPath, args, { env: { ...process.env, ...env } }, (error, _out, stderr) => {
        resolve({ code: error === null ? 0 : (error.signal ?? error.code ?? -1), stderr });
      });
    });

  beforeEach(async () => {
    await writeFile(folder.join('backups.yaml'), archiveFile({ kind: 'file', path: folder.join('archive') }));
  });

  it.each(['archive.packed', 'archive.written', 'archive.linked'])(
    'that is killed at %s leaves nothing half, and the next one succeeds',
    async (place) => {
      const [first = ''] = segments;
      expect((await push(first, { HOZEN_FAILPOINTS: `${place}=kill` })).code).toBe('SIGKILL');
      const archive = await inFolder();
      const standing = await archive.get(nameOf(first));
      if (standing) expect(standing).toEqual(await readFile(first));
      expect(await push(first)).toEqual({ code: 0, stderr: '' });
      expect(await archive.get(nameOf(first))).toEqual(await readFile(first));
    },
  );

  it('sends what waits ahead; its turn then costs nothing, unless the file is another one by now', async () => {
    const status = source.join('one/pg_wal/archive_status');
    await mkdir(status, { recursive: true });
    for (const path of segments) await writeFile(join(status, `${basename(path)}.ready`), '');
    const spool = ['--spool', folder.join('spool')];
    expect(await push(segments[0] ?? '', {}, ...spool)).toEqual({ code: 0, stderr: '' });
    const archive = await inFolder();
    expect(await namesIn(archive)).toEqual(segments.map((path) => basename(path)));
    const [, second = '', third = ''] = segments;
    // Nothing is asked of the archive: that it cannot be reached is not noticed.
    const broken = { HOZEN_FAILPOINTS: 'archive.packed=throw' };
    expect((await push(second, broken, ...spool)).code).toBe(0);
    expect((await push(third, broken)).code).toBe(1);
    const changed = folder.join(basename(third));
    const content = await readFile(third);
    content.writeUInt8(1, content.length - 1);
    await writeFile(changed, content);
    const refused = await push(changed, {}, ...spool);
    expect(refused.code).toBe(1);
    expect(refused.stderr).toContain('WAL_CONFLICT');
  });

  it('marks nothing as sent that is not stored', async () => {
    const spool = ['--spool', folder.join('spool')];
    const [first = '', second = ''] = segments;
    const env = { HOZEN_FAILPOINTS: 'archive.before-mark=kill' };
    expect((await push(first, env, ...spool)).code).toBe('SIGKILL');
    expect((await push(second, {}, ...spool)).code).toBe(0);
    expect(await (await inFolder()).get(nameOf(second))).toEqual(await readFile(second));
  });

  it('says what is wrong in the language of the server, and that recovery must not go on', async () => {
    const [first = ''] = segments;
    await writeFile(folder.join('backups.yaml'), '{"configs": []}');
    const refused = await push(first, { LANG: 'ja_JP.UTF-8' });
    expect(refused.code).toBe(1);
    expect(refused.stderr).toContain('→');
    const get = await new Promise((resolve) => {
      const args = [HOZEN, 'wal', 'get', '--file', folder.join('backups.yaml'), basename(first), folder.join('x')];
      execFile(process.execPath, args, (error) => resolve(error?.code));
    });
    expect(get).toBe(200);
    const mistyped = await new Promise((resolve) => {
      execFile(process.execPath, [HOZEN, 'wal', 'get', '--fiel', 'x', 'y'], (error) => resolve(error?.code));
    });
    expect(mistyped).toBe(200);
  });
});

describe.skipIf(s3Program() === undefined)(`a WAL archive in S3 (skipped where there is ${NO_S3})`, () => {
  let s3: TestS3;
  let proxy: FaultProxy;
  let places = 0;

  beforeAll(async () => {
    s3 = await TestS3.start();
    proxy = await FaultProxy.before(s3.url);
  });
  afterAll(async () => {
    await proxy[Symbol.asyncDispose]();
    await s3[Symbol.asyncDispose]();
  });
  afterEach(() => proxy.breaks(() => undefined));

  function inBucket(prefix: string): Promise<WalArchive> {
    const walArchive = Object.assign(new S3StorageSpec(), s3.storage(prefix, proxy.url));
    return WalArchive.of({ walArchive, compressionLevel: 1 });
  }

  it('gives back what was pushed, and never takes anything else', async () => {
    const archive = await inBucket(`wal-${places++}`);
    for (const path of segments) await archive.push(path);
    for (const path of segments) expect(await archive.get(nameOf(path))).toEqual(await readFile(path));
    expect(await namesIn(archive)).toEqual(segments.map((path) => basename(path)));
    const [first = '', second = ''] = segments;
    const changed = folder.join(basename(first));
    const content = await readFile(first);
    content.writeUInt8(1, content.length - 1);
    await writeFile(changed, content);
    await expect(archive.push(changed)).rejects.toMatchObject({ code: 'WAL_CONFLICT' });
    await archive.store.remove(`${basename(second).slice(0, 16)}/${basename(second)}.wal`);
    await expect(getFile(archive, basename(second), 200)).rejects.toMatchObject({ code: 'WAL_GAP' });
  });

  it('shows what grows, and replaces only that', async () => {
    const archive = await inBucket(`wal-${places++}`);
    const [first = ''] = segments;
    const content = await readFile(first);
    for (const bytes of [9000, 50_000]) {
      await archive.show(basename(first), content.subarray(0, bytes));
      const shown = await getFile(archive, basename(first), 0);
      expect(shown?.subarray(0, bytes)).toEqual(content.subarray(0, bytes));
      expect(shown?.subarray(bytes)).toEqual(Buffer.alloc(content.length - bytes));
    }
    await archive.push(first);
    await archive.hide(basename(first));
    expect(await namesIn(archive)).toEqual([basename(first)]);
    expect(await getFile(archive, basename(first), 0)).toEqual(content);
  });

  it('counts as stored when the answer was lost', async () => {
    const archive = await inBucket(`wal-${places++}`);
    const [first = ''] = segments;
    let lost = 0;
    proxy.breaks(({ method, url }) =>
      method === 'PUT' && url.includes(basename(first)) && lost++ === 0 ? { loseAnswer: true } : undefined,
    );
    await archive.push(first);
    expect(lost).toBeGreaterThan(0);
    expect(await archive.get(nameOf(first))).toEqual(await readFile(first));
  });

  it('does not count as stored when the bucket refuses it', async () => {
    const archive = await inBucket(`wal-${places++}`);
    const [first = ''] = segments;
    proxy.breaks(({ method }) => (method === 'PUT' ? { answer: { status: 403, code: 'AccessDenied' } } : undefined));
    await expect(archive.push(first)).rejects.toMatchObject({ code: 'STORAGE_REFUSED' });
  });
});
