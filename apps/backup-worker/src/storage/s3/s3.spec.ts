import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { S3StorageSpec } from '@hozen/contracts';
import { FaultProxy, NO_S3, s3Program, TestS3 } from '@hozen/testkit';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { aJob } from '../../job.fixture.js';
import type { BackupJob } from '../../job.js';
import { committedArtefact, openedArtefact } from '../../spec-support/artefacts.js';
import { checkArtefact } from '../../verification/check-artefact.js';
import { cleanUp } from '../clean-up.js';
import { openArtefact } from '../open-artefact.js';
import { removeArtefact } from '../remove-artefact.js';
import { Bucket } from './bucket.js';
import { planParts } from './part-plan.js';

const MIB = 1024 * 1024;
const context = { signal: new AbortController().signal, progress: () => undefined };

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

  it('are removed from no other bucket than that which the config has now', async () => {
    const artefact = await committedArtefact(job());
    const other = Object.assign(spec(), { bucket: 'another' });
    await expect(removeArtefact(artefact.path, other)).rejects.toMatchObject({ code: 'STORAGE_REFUSED' });
    await expect(removeArtefact(artefact.path, null)).rejects.toMatchObject({ code: 'STORAGE_REFUSED' });
    await removeArtefact(artefact.path, spec());
    await leavesNothing();
  });

  it('lose what would publish them before they lose their data', async () => {
    const mine = job();
    vi.stubEnv('HOZEN_FAILPOINTS', 'commit.after-checksum=throw');
    await expect(committedArtefact(mine)).rejects.toThrow('failpoint');
    vi.unstubAllEnvs();
    const removed: string[] = [];
    proxy.breaks(({ method, url }) => {
      if (method === 'DELETE') removed.push(basename(new URL(url, proxy.url).pathname));
      return undefined;
    });
    await cleanUp({ ...mine, epoch: 2 });
    const [first] = removed;
    expect(first).toMatch(/\.manifest\.json$/);
    expect(removed.at(-1)).toMatch(/\.partial$/);
    await leavesNothing();
  });

  describe('when the storage fails', () => {
    const isComplete = ({ method, url }: { method: string; url: string }) =>
      method === 'POST' && url.includes('uploadId=');
    const isPart = ({ method, url }: { method: string; url: string }) => method === 'PUT' && url.includes('partNumber');

    it('a storm of 503 is waited out', async () => {
      let left = 4;
      proxy.breaks((seen) => (isPart(seen) && left-- > 0 ? { answer: { status: 503, code: 'SlowDown' } } : undefined));
      await checkArtefact(job(), await committedArtefact(job(), 20 * MIB), context);
      expect(left).toBeLessThanOrEqual(0);
    });

    it('a lost answer to the completion is resolved by looking', async () => {
      let lost = 0;
      proxy.breaks((seen) => {
        if (!isComplete(seen) || !seen.url.includes('.tar.gz?')) return undefined;
        // Said of an upload that is completed already, when it is completed again.
        return lost++ === 0 ? { loseAnswer: true } : { answer: { status: 404, code: 'NoSuchUpload' } };
      });
      await checkArtefact(job(), await committedArtefact(job()), context);
      expect(lost).toBeGreaterThan(1);
    });

    it('200 with an error in its body is a failure, and nothing is visible', async () => {
      proxy.breaks((seen) => (isComplete(seen) ? { errorIn200: 'InternalError' } : undefined));
      const mine = job();
      await expect(committedArtefact(mine)).rejects.toMatchObject({ code: 'STORAGE_IO' });
      proxy.breaks(() => undefined);
      await cleanUp(mine);
      await leavesNothing();
    });

    it('a wrong ETag of a part is a failure', async () => {
      proxy.breaks((seen) => (isPart(seen) ? { wrongEtag: true } : undefined));
      await expect(committedArtefact(job())).rejects.toMatchObject({ code: 'STORAGE_IO' });
    });

    it('expired keys are the operator’s', async () => {
      proxy.breaks(() => ({ answer: { status: 400, code: 'ExpiredToken' } }));
      const refused = { code: 'STORAGE_REFUSED', params: { reason: 'ExpiredToken' } };
      await expect(openArtefact(job(), 1)).rejects.toMatchObject(refused);
    });

    it('an abort that fails is made up for by the clean-up', async () => {
      const mine = job();
      const writer = await openedArtefact(mine);
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
      const artefact = await committedArtefact(job(), 20 * MIB);
      let cut = 0;
      proxy.breaks(({ method, url }) =>
        method === 'GET' && url.includes('.tar.gz?') && cut++ < 2 ? { cutAt: 1_000_000 } : undefined,
      );
      await checkArtefact(job(), artefact, context);
      expect(cut).toBeGreaterThan(2);
    });

    it('one that says nothing is given up', async () => {
      const storage = spec({ stallSeconds: 1 });
      const artefact = await committedArtefact(job({}, storage));
      proxy.breaks(({ method, url }) => (method === 'GET' && url.includes('.tar.gz?') ? { stall: true } : undefined));
      const stalled = checkArtefact(job({}, storage), artefact, context);
      await expect(stalled).rejects.toMatchObject({ code: 'STORAGE_IO' });
    });
  });
});
