import { randomBytes } from 'node:crypto';
import { mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { DeleteObjectCommand, PutObjectTaggingCommand } from '@aws-sdk/client-s3';
import { S3TargetSpec } from '@hozen/contracts';
import { FaultProxy, NO_S3, s3Program, tempDir, TestS3, type TempDir } from '@hozen/testkit';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { ArtefactFile } from '../../artefact/artefact-file.js';
import { BackupSeries, type MadeBackup } from '../../backup-series.fixture.js';
import { quietContext } from '../../backup.fixture.js';
import { newIdentity } from '../../encryption/age.fixture.js';
import type { BackupJob } from '../../job.js';
import { removeTree } from '../../storage/file/remove-tree.js';
import { checkArtefact } from '../../verification/check-artefact.js';
import { proveFiles } from '../../verification/prove-files.js';
import { readListing, type ListedEntry } from '../files/listing.js';
import { restoredByHand } from '../files/tree.fixture.js';
import { BucketUser, bucketJob } from './bucket.fixture.js';
import { ObjectChanged, ObjectReader } from './read-object.js';

const LARGE = randomBytes(3_000_000);

describe.skipIf(s3Program() === undefined)(`a backup of a bucket (${NO_S3})`, () => {
  let s3: TestS3;
  let proxy: FaultProxy;
  let folder: TempDir;
  let user: BucketUser;
  let access: object;
  let count = 0;

  beforeAll(async () => {
    s3 = await TestS3.start();
    proxy = await FaultProxy.before(s3.url);
  });
  afterAll(async () => {
    for (const each of [proxy, s3]) await each?.[Symbol.asyncDispose]();
  });
  beforeEach(async () => {
    folder = await tempDir();
    const prefix = `source ${++count}`;
    const { kind: _kind, ...rest } = s3.storage(prefix, proxy.url);
    access = rest;
    user = new BucketUser(s3, prefix);
    await user.put('contracts/契約 1.txt', 'first');
    await user.put('contracts/+ %2F & "x".txt', 'odd');
    await user.put('large', LARGE);
    await user.put('empty', '');
  });
  afterEach(async () => {
    proxy.breaks(() => undefined);
    await removeTree(folder.path);
    await folder[Symbol.asyncDispose]();
  });

  function series(target: Partial<S3TargetSpec> = {}, change: (job: BackupJob) => void = () => undefined) {
    return new BackupSeries((into, jobChange) => bucketJob(into, access, jobChange, target), folder.path, change);
  }

  async function prove({ job, artefact }: MadeBackup): Promise<void> {
    await checkArtefact(job, artefact, quietContext());
    const { paths } = artefact.manifest.files ?? {};
    expect(await proveFiles(job, artefact, quietContext())).toMatchObject({ level: 'restore', files: paths });
    expect(await readdir(job.spoolDir)).toEqual([]);
  }

  async function listed({ artefact }: MadeBackup): Promise<Map<string, ListedEntry>> {
    await using file = await ArtefactFile.open(artefact);
    const entries = new Map<string, ListedEntry>();
    for await (const entry of readListing(file, artefact.manifest.files?.listing.sha256 ?? '')) {
      entries.set(entry.object?.key ?? entry.path, entry);
    }
    return entries;
  }

  const files = async (top: string) =>
    (await readdir(top, { recursive: true, withFileTypes: true }))
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name).slice(top.length + 1))
      .toSorted();

  it('holds every object, is proven, and comes back by its own script as files', async () => {
    const made = await series().make('full');
    await prove(made);
    expect(made.artefact.manifest).toMatchObject({
      format: 'hozen-files',
      warnings: [],
      files: { path: `s3://backups/source ${count}`, files: 4, folders: 2, bytes: LARGE.length + 8 },
    });
    const restored = await restoredByHand([made], folder.path);
    expect(await files(restored)).toEqual(['contracts/+ %252F & "x".txt', 'contracts/契約 1.txt', 'empty', 'large']);
    expect(await readFile(join(restored, 'large'))).toEqual(LARGE);
    expect(await readFile(join(restored, 'contracts/契約 1.txt'), 'utf8')).toBe('first');
    const { mtimeMs } = await stat(join(restored, 'large'));
    expect(Math.abs(mtimeMs - Date.now())).toBeLessThan(60_000);
  });

  it('keeps content type, metadata and tags', async () => {
    await user.put('page.html', '<p>', {
      ContentType: 'text/html; charset=utf-8',
      CacheControl: 'max-age=60',
      ContentEncoding: 'identity',
      ContentDisposition: 'inline',
      ContentLanguage: 'ja',
      Metadata: { author: 'somebody', empty: '' },
    });
    const TagSet = [{ Key: 'キー', Value: 'a b' }];
    await user.client.send(new PutObjectTaggingCommand({ ...user.at('page.html'), Tagging: { TagSet } }));
    const { object } = (await listed(await series().make('full'))).get('page.html') ?? {};
    expect(object).toMatchObject({
      contentType: 'text/html; charset=utf-8',
      cacheControl: 'max-age=60',
      contentDisposition: 'inline',
      contentLanguage: 'ja',
      metadata: { author: 'somebody' },
      tags: { キー: 'a b' },
    });
  });

  it('stores in an increment what is new or changed, and forgets what is gone', async () => {
    const backups = series();
    const full = await backups.make('full');
    await user.put('contracts/契約 1.txt', 'first, changed');
    await user.put('new/one', 'new');
    await user.client.send(new DeleteObjectCommand(user.at('empty')));
    const increment = await backups.make('incremental');
    await prove(increment);
    expect(increment.artefact.manifest).toMatchObject({
      level: 'incremental',
      files: { files: 4, stored: { bytes: 17 }, deleted: 1, parent: { runId: full.job.runId } },
    });
    await user.client.send(new DeleteObjectCommand(user.at('new/one')));
    await user.put('new', 'an object where a folder was');
    const second = await backups.make('incremental');
    await prove(second);
    const restored = await restoredByHand([full, increment, second], folder.path);
    expect(await files(restored)).toEqual(['contracts/+ %252F & "x".txt', 'contracts/契約 1.txt', 'large', 'new']);
    expect(await readFile(join(restored, 'contracts/契約 1.txt'), 'utf8')).toBe('first, changed');
    const unchanged = await backups.make('incremental');
    expect(unchanged.artefact.manifest.files).toMatchObject({ stored: { bytes: 0 }, deleted: 0 });
    await prove(unchanged);
  });

  it('takes only what is below its prefix and not excluded', async () => {
    await user.put('contracts-old', 'x');
    await user.put('contracts/cache/a.tmp', 'x');
    const prefix = `source ${count}/contracts`;
    const made = await series({ prefix, exclude: ['cache/**'] }).make('full');
    expect([...(await listed(made)).keys()].toSorted()).toEqual(['+ %2F & "x".txt', '.', '契約 1.txt']);
    expect(made.artefact.manifest.files?.skipped.excluded).toBe(1);
    await prove(made);
  });

  it('has many objects, in order, over several pages', async () => {
    const keys = Array.from({ length: 1_200 }, (_, index) => `many/${index % 7}/${index}`);
    // The server keeps its objects as files.
    for (const key of keys) {
      const file = s3.fileOf(`s3://backups/source ${count}/${key}`);
      await mkdir(dirname(file), { recursive: true });
      await writeFile(file, `content of ${key}`);
    }
    const made = await series().make('full');
    const entries = await listed(made);
    for (const key of keys) expect(entries.get(key)?.size).toBe(`content of ${key}`.length);
    expect(made.artefact.manifest.files?.files).toBe(1_204);
    await prove(made);
  });

  describe('over a network that breaks', () => {
    it('goes on from where an answer broke off', async () => {
      let cuts = 0;
      proxy.breaks(({ method, url }) => {
        if (method !== 'GET' || !url.includes('/large') || cuts > 2) return undefined;
        return ++cuts === 1 ? { answer: { status: 503, code: 'SlowDown' } } : { cutAt: 1_000_000 };
      });
      const made = await series().make('full');
      expect(cuts).toBe(3);
      expect(made.artefact.manifest.warnings).toEqual([]);
      await prove(made);
    });

    it('fails where the listing cannot be read to its end', async () => {
      proxy.breaks(({ url }) =>
        url.includes('list-type=2') ? { answer: { status: 403, code: 'AccessDenied' } } : undefined,
      );
      await expect(series().make('full')).rejects.toMatchObject({ code: 'STORAGE_REFUSED' });
    });

    it('names single objects that it may not read, and fails where it may read none', async () => {
      proxy.breaks(({ method, url }) =>
        method === 'GET' && url.includes('/empty') ? { answer: { status: 403, code: 'AccessDenied' } } : undefined,
      );
      const made = await series().make('full');
      expect(made.artefact.manifest.files?.skipped.unreadable).toBe(1);
      expect(made.artefact.manifest.warnings.join()).toContain('"empty"');
      await prove(made);
      proxy.breaks(({ method, url }) =>
        method === 'GET' && !url.includes('list-type')
          ? { answer: { status: 403, code: 'InvalidObjectState' } }
          : undefined,
      );
      await expect(series().make('full')).rejects.toMatchObject({ code: 'STORAGE_REFUSED' });
    });

    it('notices an object that is not what its ETag says', async () => {
      proxy.breaks(({ method, url }) =>
        method === 'GET' && url.includes('/contracts/%E5') ? { wrongEtag: true } : undefined,
      );
      await expect(series().make('full')).rejects.toMatchObject({ code: 'STORAGE_IO' });
    });
  });

  it('does not mix two versions of an object that is replaced while it is read', async () => {
    const spec = Object.assign(new S3TargetSpec(), access, { prefix: `source ${count}` });
    const reader = new ObjectReader(user.client, spec, new AbortController().signal);
    const object = await reader.read({ key: 'large', size: LARGE.length, etag: '', modifiedAt: 0, storageClass: '' });
    if (typeof object === 'string') throw new Error(object);
    const content = reader.content(object);
    expect((await content.next()).done).toBe(false);
    await content.return(undefined);
    await user.put('large', Buffer.alloc(LARGE.length, 'y'));
    await expect(reader.content(object).next()).rejects.toBeInstanceOf(ObjectChanged);
  });

  it('names an object that was replaced while it was read, and has it whole the next time', async () => {
    const backups = series();
    let replaced = 0;
    proxy.breaks(({ method, url }) =>
      method === 'GET' && url.includes('/large') && replaced++ > 0
        ? { answer: { status: 412, code: 'PreconditionFailed' } }
        : undefined,
    );
    const made = await backups.make('full');
    expect(made.artefact.manifest.files?.skipped.changed).toBe(1);
    expect(made.artefact.manifest.warnings.join()).toContain('"large"');
    await prove(made);
    proxy.breaks(() => undefined);
    const next = await backups.make('incremental');
    expect(next.artefact.manifest.files?.stored.bytes).toBe(LARGE.length);
    await prove(next);
    expect(await readFile(join(await restoredByHand([made, next], folder.path), 'large'))).toEqual(LARGE);
  });

  it('leaves out what vanishes between the listing and its turn, and what an increment had of it', async () => {
    const backups = series();
    await backups.make('full');
    await user.put('empty', 'no more');
    proxy.breaks(({ method, url }) =>
      method === 'GET' && url.includes('/empty') ? { answer: { status: 404, code: 'NoSuchKey' } } : undefined,
    );
    const made = await backups.make('incremental');
    expect(made.artefact.manifest.files).toMatchObject({ deleted: 1, skipped: { vanished: 1 } });
    await prove(made);
  });

  it('is encrypted like any other', async () => {
    const { recipient } = newIdentity();
    const made = await series({}, (job) => (job.config.encryption = { recipients: [recipient] })).make('full');
    await prove(made);
  });
});
