import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createHash, randomBytes } from 'node:crypto';
import { ConfigSpec, HozenError, S3StorageSpec, type StorageSpec } from '@hozen/contracts';
import { FaultProxy, NO_S3, s3Program, tempDir, TestS3, type TempDir } from '@hozen/testkit';
import { afterEach, beforeEach, describe, expect, it, type TestContext } from 'vitest';
import { aJob } from '../job.fixture.js';
import type { BackupJob } from '../job.js';
import { EMPTY_SUMMARY as summary } from '../methods/dump-summary.fixture.js';
import { artefactPaths } from '../storage/artefact-paths.js';
import { cleanUp, discardCommitted } from '../storage/clean-up.js';
import { commitArtefact } from '../storage/commit-artefact.js';
import type { CommittedArtefact } from '../storage/committed-artefact.js';
import { openArtefact } from '../storage/open-artefact.js';
import { storageOf } from '../storage/storage-of.js';
import type { CopyOutcome } from '../storage/storage.js';
import { makeCopy } from './make-copy.js';
import { SecondCopy } from './second-copy.js';

const MIB = 1024 * 1024;
const holding = { ensureLease: () => undefined };

let folder: TempDir;
let job: BackupJob;
let second: string;

beforeEach(async () => {
  folder = await tempDir();
  second = folder.join('second');
  job = aJob(folder.path);
  Object.assign(job.config, { compression: 'none', secondaryStorage: { kind: 'file', path: second } });
});
afterEach(async () => {
  await folder[Symbol.asyncDispose]();
});

async function made(megabytes: number): Promise<{ artefact: CommittedArtefact; copy: CopyOutcome | undefined }> {
  const writer = await openArtefact(job, megabytes * MIB);
  for (let i = 0; i < megabytes; i++) await writer.addFile(`data/${i}`, randomBytes(MIB));
  const artefact = await commitArtefact(job, writer, summary, holding);
  return { artefact, copy: await writer.sink.second?.publish(holding) };
}

const namesIn = (path: string) => readdirSync(join(path, 'manual')).toSorted();
const contentIn = (path: string) =>
  namesIn(path).map((name) =>
    createHash('sha256')
      .update(readFileSync(join(path, 'manual', name)))
      .digest('hex'),
  );
const first = () => folder.join('storage');

function copyOf(artefact: CommittedArtefact, to: StorageSpec, epoch = 9) {
  const { signal } = new AbortController();
  return makeCopy({ artefact, trigger: 'manual', to, path: artefactPaths(job, to).data, epoch, signal, ...holding });
}

function secondSpec(): StorageSpec {
  const { secondaryStorage } = job.config;
  if (!secondaryStorage) throw new Error('there is none');
  return secondaryStorage;
}

/** A folder of its own with 3 MB of room. */
async function smallDisk(test: TestContext): Promise<AsyncDisposable & { path: string }> {
  const temp = await tempDir();
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=3m', 'tmpfs', temp.path], { stdio: 'ignore' });
  } catch {
    await temp[Symbol.asyncDispose]();
    test.skip('no file system can be mounted here');
  }
  return {
    path: temp.path,
    [Symbol.asyncDispose]: async () => {
      execFileSync('umount', ['--lazy', temp.path]);
      await temp[Symbol.asyncDispose]();
    },
  };
}

describe('the second copy', () => {
  it('is the same, byte by byte and name by name, and shown after the first one', async () => {
    const writer = await openArtefact(job, MIB);
    await writer.addFile('data', randomBytes(3 * MIB));
    await commitArtefact(job, writer, summary, holding);
    expect(namesIn(second).every((name) => name.startsWith('.'))).toBe(true);
    const copy = await writer.sink.second?.publish(holding);
    expect(copy).toMatchObject({ state: 'standing', path: artefactPaths(job, secondSpec()).data });
    expect(namesIn(second)).toEqual(namesIn(first()));
    expect(contentIn(second)).toEqual(contentIn(first()));
  });

  it('is put off when its place cannot be opened, and made later', async () => {
    writeFileSync(second, 'not a folder');
    const { artefact, copy } = await made(3);
    expect(copy).toMatchObject({ state: 'pending', error: { code: expect.stringMatching(/^STORAGE_/) as string } });
    expect(namesIn(first())).toHaveLength(3);
    rmSync(second);
    await copyOf(artefact, secondSpec());
    expect(contentIn(second)).toEqual(contentIn(first()));
  });

  it('is put off when its disk becomes full, and nothing of it is left', async (test) => {
    await using disk = await smallDisk(test);
    job.config.secondaryStorage = { kind: 'file', path: disk.path };
    const { copy } = await made(8);
    expect(copy).toMatchObject({ state: 'pending', error: { code: 'DISK_FULL' } });
    expect(namesIn(disk.path)).toEqual([]);
    expect(namesIn(first())).toHaveLength(3);
  });

  it('goes with the first one, when that is given up', async () => {
    const writer = await openArtefact(job, MIB);
    await writer.addFile('data', randomBytes(2 * MIB));
    await writer.abort();
    await cleanUp(job);
    expect(namesIn(second)).toEqual([]);
    expect(namesIn(first())).toEqual([]);
  });

  it('leaves what a worker that died had begun to the next one', async () => {
    const writer = await openArtefact(job, MIB);
    await writer.addFile('data', randomBytes(2 * MIB));
    await commitArtefact(job, writer, summary, holding);
    expect(namesIn(second)).not.toEqual([]);
    await cleanUp({ ...job, epoch: 2 });
    expect(namesIn(second)).toEqual([]);
  });

  it('made again, stays what it is', async () => {
    const { artefact } = await made(2);
    const before = contentIn(second);
    await copyOf(artefact, secondSpec());
    expect(contentIn(second)).toEqual(before);
  });

  it('is not made of a first one that has changed', async () => {
    writeFileSync(second, 'not a folder');
    const { artefact } = await made(2);
    rmSync(second);
    const bytes = readFileSync(artefact.path);
    bytes[MIB] = (bytes[MIB] ?? 0) ^ 1;
    writeFileSync(artefact.path, bytes);
    await expect(copyOf(artefact, secondSpec())).rejects.toMatchObject({ code: 'ARTEFACT_CORRUPT' });
    expect(namesIn(second)).toEqual([]);
  });

  it('that is lost while the first one is proven is put off, and no lease is', async () => {
    const writer = await openArtefact(job, MIB);
    await writer.addFile('data', randomBytes(MIB));
    await commitArtefact(job, writer, summary, holding);
    for (const name of namesIn(second)) rmSync(join(second, 'manual', name));
    expect(await writer.sink.second?.publish(holding)).toMatchObject({ state: 'pending' });
  });

  it('is not shown by a run that has lost its lease', async () => {
    const writer = await openArtefact(job, MIB);
    await writer.addFile('data', randomBytes(MIB));
    await commitArtefact(job, writer, summary, holding);
    const ensureLease = () => {
      throw new HozenError('LEASE_LOST');
    };
    await expect(writer.sink.second?.publish({ ensureLease })).rejects.toMatchObject({ code: 'LEASE_LOST' });
    expect(namesIn(second).every((name) => name.startsWith('.'))).toBe(true);
  });

  it('is taken back with the first one', async () => {
    const { artefact } = await made(2);
    await discardCommitted(job, artefact, holding);
    expect(namesIn(first())).toEqual([]);
    expect(namesIn(second)).toEqual([]);
  });

  it('replaces one that the run made before and could not take back', async () => {
    await made(2);
    const old = contentIn(second);
    rmSync(first(), { recursive: true });
    job = { ...job, config: Object.assign(new ConfigSpec(), job.config, { secondaryStorage: undefined }) };
    const { artefact } = await made(3);
    const to = { kind: 'file', path: second } as const;
    await copyOf(artefact, to);
    expect(contentIn(second)).not.toEqual(old);
    expect(contentIn(second)).toEqual(contentIn(first()));
  });

  it('is put over nothing of somebody else', async () => {
    writeFileSync(second, 'not a folder');
    const { artefact } = await made(2);
    rmSync(second);
    const { data, directory } = artefactPaths(job, secondSpec());
    mkdirSync(directory, { recursive: true });
    writeFileSync(data, 'precious');
    await expect(copyOf(artefact, secondSpec())).rejects.toMatchObject({ code: 'STORAGE_CONFLICT' });
    expect(readFileSync(data, 'utf8')).toBe('precious');
  });
});

describe.skipIf(s3Program() === undefined)(`the second copy in a bucket (skipped where there is ${NO_S3})`, () => {
  const bucketOf = (s3: TestS3, url: string): S3StorageSpec =>
    Object.assign(new S3StorageSpec(), { ...s3.storage('second'), endpoint: url, stallSeconds: 600 });

  it('has the same bytes, and is put off when the bucket stalls, without holding the first one up for long', async () => {
    await using s3 = await TestS3.start();
    await using proxy = await FaultProxy.before(s3.url);
    const spec = bucketOf(s3, proxy.url);
    job.config.secondaryStorage = spec;
    const { copy, artefact } = await made(3);
    expect(copy?.state).toBe('standing');
    expect(await storageOf(spec).readText(`${copy?.path}.manifest.json`)).toBe(
      readFileSync(artefact.manifestPath, 'utf8'),
    );
    proxy.breaks(({ method, url }) => (method === 'PUT' && url.includes('partNumber') ? { stall: true } : undefined));
    const stalled = new SecondCopy(
      { ...job, startedAt: new Date('2026-02-03T04:05:06Z') },
      spec,
      100 * MIB,
      undefined,
      {
        waitMs: 300,
        publishMs: 300,
      },
    );
    for (let i = 0; i < 100; i++) await stalled.take(randomBytes(MIB));
    await stalled.finish('0'.repeat(64));
    stalled.hold({ manifest: '{}' });
    proxy.breaks(() => ({ answer: { status: 403, code: 'AccessDenied' } }));
    expect(await stalled.publish(holding)).toMatchObject({
      state: 'pending',
      error: { detail: 'it is too slow for the first one' },
    });
  });

  it('does not hold the end of a run up, when the bucket stalls after the data was written', async () => {
    await using s3 = await TestS3.start();
    await using proxy = await FaultProxy.before(s3.url);
    const spec = bucketOf(s3, proxy.url);
    const stalled = new SecondCopy(job, spec, MIB, undefined, { waitMs: 30_000, publishMs: 300 });
    const bytes = randomBytes(MIB);
    await stalled.take(bytes);
    await stalled.finish(createHash('sha256').update(bytes).digest('hex'));
    proxy.breaks(() => ({ stall: true }));
    stalled.hold({ manifest: '{}' });
    expect(await stalled.publish(holding)).toMatchObject({ state: 'pending' });
    job.config.secondaryStorage = spec;
    await cleanUp(job, { secondMs: 300 });
  });
});
