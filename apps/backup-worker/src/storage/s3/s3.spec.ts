import { randomBytes, createHash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { HozenError, S3StorageSpec } from '@hozen/contracts';
import { FaultProxy, NO_S3, s3Program, TestS3 } from '@hozen/testkit';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { readExactly } from '../../artefact/byte-source.js';
import { aJob } from '../../job.fixture.js';
import type { BackupJob } from '../../job.js';
import { EMPTY_SUMMARY as summary } from '../../methods/dump-summary.fixture.js';
import { checkArtefact } from '../../verification/check-artefact.js';
import { artefactPaths } from '../artefact-paths.js';
import { cleanUp, discardCommitted } from '../clean-up.js';
import { commitArtefact } from '../commit-artefact.js';
import { findCommitted } from '../committed-artefact.js';
import { openArtefact, type OpenArtefact } from '../open-artefact.js';
import { removeArtefact } from '../remove-artefact.js';
import { storageOf } from '../storage-of.js';
import { Bucket } from './bucket.js';
import { planParts } from './part-plan.js';

const MIB = 1024 * 1024;
const holding = { ensureLease: () => undefined };
const context = { signal: new AbortController().signal, progress: () => undefined };
const POINTS = ['commit.before-data', 'commit.after-data', 'commit.after-checksum'] as const;

/** What happens elsewhere while a worker is paused at a failpoint. */
const elsewhere = vi.hoisted(() => new Map<string, () => Promise<void>>());
vi.mock('@hozen/telemetry', async (original) => {
  const real = await original<typeof import('@hozen/telemetry')>();
  return {
    ...real,
    failpoint: async (name: string) => {
      await real.failpoint(name);
      await elsewhere.get(name)?.();
    },
  };
});

describe('the plan of parts', () => {
  it.each([
    [0, 10_000],
    [100 * 1024 ** 3, 10_000],
    [5 * 1024 ** 4, 10_000],
    [100 * 1024 ** 3, 1_000],
  ])('has room for twice of %d bytes in %d parts', (expected, most) => {
    const { partBytes, atATime } = planParts(expected, most);
    expect(partBytes * most).toBeGreaterThanOrEqual(2 * expected);
    expect(partBytes).toBeGreaterThanOrEqual(5 * MIB);
    expect(atATime).toBeGreaterThanOrEqual(1);
  });
});

describe.skipIf(s3Program() === undefined)(`artefacts in S3 (skipped where there is ${NO_S3})`, () => {
  let s3: TestS3;
  let proxy: FaultProxy;
  let folder: string;
  let prefix: string;
  let runs = 0;

  beforeAll(async () => {
    s3 = await TestS3.start();
    proxy = await FaultProxy.before(s3.url);
  });
  afterAll(async () => {
    await proxy[Symbol.asyncDispose]();
    await s3[Symbol.asyncDispose]();
  });
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'hozen-s3-'));
    prefix = `spec/${++runs}`;
  });
  afterEach(() => {
    elsewhere.clear();
    proxy.breaks(() => undefined);
    vi.unstubAllEnvs();
    rmSync(folder, { recursive: true });
  });

  function spec(change: Partial<S3StorageSpec> = {}): S3StorageSpec {
    return Object.assign(new S3StorageSpec(), s3.storage(prefix, proxy.url), change);
  }

  function job(change: Parameters<typeof aJob>[1] = {}, storage = spec()): BackupJob {
    const made = aJob(folder, change);
    made.config.storage = storage;
    return made;
  }

  async function opened(of: BackupJob, bytes = 100): Promise<OpenArtefact> {
    const writer = await openArtefact(of, bytes);
    const stream = writer.openStream('data');
    await stream.write(randomBytes(bytes));
    await writer.endStream(stream);
    return writer;
  }

  async function committed(of: BackupJob, bytes?: number) {
    return commitArtefact(of, await opened(of, bytes), summary, holding);
  }

  async function diesAt(point: string, of: BackupJob): Promise<void> {
    vi.stubEnv('HOZEN_FAILPOINTS', `${point}=throw`);
    await expect(committed(of)).rejects.toThrow(`failpoint ${point}`);
    vi.unstubAllEnvs();
  }

  async function visible(): Promise<string[]> {
    const names = await new Bucket(spec()).list(`s3://backups/${prefix}/`);
    return names.map((name) => basename(name)).toSorted();
  }

  async function openUploads(): Promise<string[]> {
    const uploads = await new Bucket(spec()).uploads(`s3://backups/${prefix}/`);
    return uploads.map(({ path }) => basename(path));
  }

  async function leavesNothing(): Promise<void> {
    expect({ visible: await visible(), uploads: await openUploads() }).toEqual({ visible: [], uploads: [] });
  }

  const WHOLE = [
    '20260102_030405_nightly.tar.gz',
    '20260102_030405_nightly.tar.gz.manifest.json',
    '20260102_030405_nightly.tar.gz.sha256',
  ];

  it('stand as data, checksum and manifest, and can be read back whole', async () => {
    const artefact = await committed(job(), 30 * MIB);
    expect(artefact.path).toBe(`s3://backups/${prefix}/manual/${WHOLE[0]}`);
    expect(await visible()).toEqual(WHOLE);
    expect(await openUploads()).toEqual([]);
    await checkArtefact(job(), artefact, context);
    await using source = await artefact.storage.source(artefact.path, 'any');
    const bytes = await readExactly(source, 0, source.size);
    expect(createHash('sha256').update(bytes).digest('hex')).toBe(artefact.sha256);
    const middle = await readExactly(source, 9 * MIB + 1, 100);
    expect(middle).toEqual(bytes.subarray(9 * MIB + 1, 9 * MIB + 101));
    await expect(readExactly(source, source.size - 1, 2)).rejects.toThrow(RangeError);
  });

  it('are found by a later owner of the run, and by no other run', async () => {
    const first = job();
    const artefact = await committed(first);
    expect(await findCommitted({ ...first, epoch: 2 })).toMatchObject({ sha256: artefact.sha256 });
    expect(await findCommitted(job())).toBeUndefined();
  });

  it.each(['data', 'checksum', 'manifest'] as const)('never overwrite a foreign %s', async (kind) => {
    const mine = job();
    const writer = await opened(mine);
    await new Bucket(spec()).put(artefactPaths(mine)[kind], 'precious');
    await expect(commitArtefact(mine, writer, summary, holding)).rejects.toMatchObject({ code: 'STORAGE_CONFLICT' });
    await cleanUp(mine);
    expect(await visible()).toEqual([basename(artefactPaths(mine)[kind])]);
    expect(await new Bucket(spec()).readText(artefactPaths(mine)[kind])).toBe('precious');
    expect(await openUploads()).toEqual([]);
  });

  it('do not appear without the lease', async () => {
    const mine = job();
    const writer = await opened(mine);
    const ensureLease = () => {
      throw new HozenError('LEASE_LOST');
    };
    await expect(commitArtefact(mine, writer, summary, { ensureLease })).rejects.toMatchObject({ code: 'LEASE_LOST' });
    expect((await visible()).filter((name) => !name.startsWith('.'))).toEqual([]);
  });

  it.each(POINTS)('leave nothing after a worker died at %s and the next one cleaned up', async (point) => {
    const mine = job();
    await diesAt(point, mine);
    await cleanUp({ ...mine, epoch: 2 });
    await leavesNothing();
  });

  it.each(POINTS)('are committed by the next owner after a worker died at %s', async (point) => {
    const mine = job();
    await diesAt(point, mine);
    const artefact = await committed({ ...mine, epoch: 2 });
    expect(artefact.manifest.epoch).toBe(2);
    await checkArtefact(mine, artefact, context);
    expect(await visible()).toEqual(WHOLE);
  });

  it.each(POINTS)('cannot be published by a worker that was paused at %s and cleaned up after', async (point) => {
    const mine = job();
    const writer = await opened(mine);
    elsewhere.set(point, () => cleanUp({ ...mine, epoch: 2 }));
    await expect(commitArtefact(mine, writer, summary, holding)).rejects.toMatchObject({ code: 'LEASE_LOST' });
    elsewhere.clear();
    expect((await visible()).filter((name) => name.endsWith('.manifest.json'))).toEqual([]);
    await committed({ ...mine, epoch: 2 });
    expect(await visible()).toEqual(WHOLE);
  });

  it('stay when a worker dies after the manifest', async () => {
    const mine = job();
    await diesAt('commit.after-manifest', mine);
    await cleanUp({ ...mine, epoch: 2 });
    expect(await visible()).toEqual(WHOLE);
    expect(await findCommitted({ ...mine, epoch: 2 })).toBeDefined();
  });

  it('of a later owner are not touched by an earlier one that wakes up', async () => {
    const mine = job();
    const later = await opened({ ...mine, epoch: 2 });
    await cleanUp(mine);
    await commitArtefact({ ...mine, epoch: 2 }, later, summary, holding);
    await cleanUp(mine);
    expect(await visible()).toEqual(WHOLE);
  });

  it('of other runs are left alone', async () => {
    const other = job({ configName: 'weekly' });
    const writer = await opened(other);
    const mine = job();
    const abandoned = await opened(mine);
    await cleanUp(mine);
    await abandoned.abort();
    await commitArtefact(other, writer, summary, holding);
    expect(await visible()).toHaveLength(3);
  });

  it('are taken back whole, and not without the lease', async () => {
    const mine = job();
    const artefact = await committed(mine);
    const ensureLease = () => {
      throw new HozenError('LEASE_LOST');
    };
    await expect(discardCommitted(mine, artefact, { ensureLease })).rejects.toMatchObject({ code: 'LEASE_LOST' });
    expect(await visible()).toEqual(WHOLE);
    await discardCommitted(mine, artefact, holding);
    await leavesNothing();
  });

  it('are listed by their manifests, and removed', async () => {
    const artefact = await committed(job());
    const storage = storageOf(spec());
    const listed: string[] = [];
    for await (const path of storage.files()) listed.push(path);
    expect(listed.filter((path) => path.endsWith('.manifest.json'))).toEqual([artefact.manifestPath]);
    expect(listed).toContain(artefact.path);
    const other = Object.assign(spec(), { bucket: 'another' });
    await expect(removeArtefact(artefact.path, other)).rejects.toMatchObject({ code: 'STORAGE_REFUSED' });
    await expect(removeArtefact(artefact.path, null)).rejects.toMatchObject({ code: 'STORAGE_REFUSED' });
    await removeArtefact(artefact.path, spec());
    await leavesNothing();
  });

  it('leave nothing when they are given up', async () => {
    const writer = await opened(job(), 20 * MIB);
    await writer.abort();
    await leavesNothing();
  });

  describe('when the storage fails', () => {
    const isComplete = ({ method, url }: { method: string; url: string }) =>
      method === 'POST' && url.includes('uploadId=');
    const isPart = ({ method, url }: { method: string; url: string }) => method === 'PUT' && url.includes('partNumber');

    it('a storm of 503 is waited out', async () => {
      let left = 4;
      proxy.breaks((seen) => (isPart(seen) && left-- > 0 ? { answer: { status: 503, code: 'SlowDown' } } : undefined));
      await checkArtefact(job(), await committed(job(), 20 * MIB), context);
      expect(left).toBeLessThanOrEqual(0);
    });

    it('a lost answer to the completion is resolved by looking', async () => {
      let lost = 0;
      proxy.breaks((seen) => {
        if (!isComplete(seen) || !seen.url.includes('.tar.gz?')) return undefined;
        // Said of an upload that is completed already, when it is completed again.
        return lost++ === 0 ? { loseAnswer: true } : { answer: { status: 404, code: 'NoSuchUpload' } };
      });
      await checkArtefact(job(), await committed(job()), context);
      expect(lost).toBeGreaterThan(1);
    });

    it('200 with an error in its body is a failure, and nothing is visible', async () => {
      proxy.breaks((seen) => (isComplete(seen) ? { errorIn200: 'InternalError' } : undefined));
      const mine = job();
      await expect(committed(mine)).rejects.toMatchObject({ code: 'STORAGE_IO' });
      proxy.breaks(() => undefined);
      await cleanUp(mine);
      await leavesNothing();
    });

    it('a wrong ETag of a part is a failure', async () => {
      proxy.breaks((seen) => (isPart(seen) ? { wrongEtag: true } : undefined));
      await expect(committed(job())).rejects.toMatchObject({ code: 'STORAGE_IO' });
    });

    it('expired keys are the operator’s', async () => {
      proxy.breaks(() => ({ answer: { status: 400, code: 'ExpiredToken' } }));
      const refused = { code: 'STORAGE_REFUSED', params: { reason: 'ExpiredToken' } };
      await expect(openArtefact(job(), 1)).rejects.toMatchObject(refused);
    });

    it('an abort that fails is made up for by the clean-up', async () => {
      const mine = job();
      const writer = await opened(mine);
      proxy.breaks(({ method }) =>
        method === 'DELETE' ? { answer: { status: 403, code: 'AccessDenied' } } : undefined,
      );
      await writer.abort();
      proxy.breaks(() => undefined);
      expect(await openUploads()).not.toEqual([]);
      await cleanUp(mine);
      await leavesNothing();
    });

    it('an answer that breaks off is read on', async () => {
      const artefact = await committed(job(), 20 * MIB);
      let cut = 0;
      proxy.breaks(({ method, url }) =>
        method === 'GET' && url.includes('.tar.gz?') && cut++ < 2 ? { cutAt: 1_000_000 } : undefined,
      );
      await checkArtefact(job(), artefact, context);
      expect(cut).toBeGreaterThan(2);
    });

    it('one that says nothing is given up', async () => {
      const storage = spec({ stallSeconds: 1 });
      const artefact = await committed(job({}, storage));
      proxy.breaks(({ method, url }) => (method === 'GET' && url.includes('.tar.gz?') ? { stall: true } : undefined));
      const stalled = checkArtefact(job({}, storage), artefact, context);
      await expect(stalled).rejects.toMatchObject({ code: 'STORAGE_IO' });
    });
  });
});
