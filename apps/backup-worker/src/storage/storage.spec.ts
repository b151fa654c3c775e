import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { HozenError } from '@hozen/contracts';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { manifestFor } from '../artefact/manifest.fixture.js';
import { aJob } from '../job.fixture.js';
import type { BackupJob } from '../job.js';
import { EMPTY_SUMMARY as summary } from '../methods/dump-summary.fixture.js';
import { allKinds, artefactPaths, ownerOf, SIDE_KINDS } from './artefact-paths.js';
import { cleanUp, discardCommitted } from './clean-up.js';
import { commitArtefact } from './commit-artefact.js';
import { findCommitted } from './committed-artefact.js';
import { storageOf } from './storage-of.js';
import { openArtefact, type OpenArtefact } from './open-artefact.js';

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

/** Looks at the folder whenever something is made durable there. */
const onSync = vi.hoisted(() => ({ look: (): void => undefined }));
vi.mock('./file/durable.js', async (original) => {
  const real = await original<typeof import('./file/durable.js')>();
  return {
    ...real,
    syncDirectory: async (directory: string) => {
      onSync.look();
      await real.syncDirectory(directory);
    },
  };
});

const holding = { ensureLease: () => undefined };

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'hozen-storage-'));
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true });
});

async function opened(job: BackupJob, bytes = 100): Promise<OpenArtefact> {
  const writer = await openArtefact(job);
  const stream = writer.openStream('data');
  await stream.write(randomBytes(bytes));
  await writer.endStream(stream);
  return writer;
}

async function committed(job: BackupJob) {
  return commitArtefact(job, await opened(job), summary, holding);
}

/** Dies at a failpoint as far as the disk is concerned: nothing of ours runs after it. */
async function diesAt(point: string, job: BackupJob): Promise<void> {
  vi.stubEnv('HOZEN_FAILPOINTS', `${point}=throw`);
  await expect(committed(job)).rejects.toThrow(`failpoint ${point}`);
  vi.unstubAllEnvs();
}

function visible(): string[] {
  const directory = join(folder, 'storage', 'manual');
  return existsSync(directory) ? readdirSync(directory) : [];
}

describe('where an artefact goes', () => {
  const name = (configName: string) => basename(artefactPaths(aJob(folder, { configName })).data);

  it('is {storage}/{trigger}/{time in the zone of the config}_{config}.tar.gz', () => {
    const job = aJob('/x', { trigger: 'automatic' });
    job.config.timeZone = 'Asia/Tokyo';
    expect(artefactPaths(job).data).toBe('/x/storage/automatic/20260102_120405_nightly.tar.gz');
  });

  it('writes midnight as hour 00', () => {
    const job = aJob('/x', { startedAt: new Date('2026-01-02T00:00:00Z') });
    expect(basename(artefactPaths(job).data)).toBe('20260102_000000_nightly.tar.gz');
  });

  it.each(['../../etc/passwd', '..', '/', 'a/b', 'a\0b', 'a\nb', "'; rm -rf /", '-rf', ' ', '名前', '💾'.repeat(100)])(
    'stays in its folder for the config %j',
    (configName) => {
      const paths = artefactPaths(aJob(folder, { configName }));
      const { data, directory } = paths;
      expect(dirname(data)).toBe(directory);
      expect(basename(data)).toMatch(/^\d{8}_\d{6}_[\p{L}\p{M}\p{N}._-]+\.tar\.gz$/u);
      for (const kind of ['data', 'checksum', 'manifest'] as const) {
        expect(Buffer.byteLength(basename(paths.partial(kind)))).toBeLessThanOrEqual(255);
      }
    },
  );

  it('never gives two configs the same name', () => {
    const names = ['a b', 'a_b', 'a/b', 'a\tb', 'e\u0301', '\u00e9', 'x'.repeat(150), `${'x'.repeat(150)}y`];
    const files = names.map(name);
    // A config that is called as another one's file would be.
    files.push(name(files[0]?.replace(/^\d+_\d+_|\.tar\.gz$/g, '') ?? ''));
    expect(new Set(files).size).toBe(files.length);
  });
});

describe('committing', () => {
  it('leaves data, checksum and manifest, and nothing else', async () => {
    const artefact = await committed(aJob(folder));
    expect(visible().sort()).toEqual([
      '20260102_030405_nightly.tar.gz',
      '20260102_030405_nightly.tar.gz.manifest.json',
      '20260102_030405_nightly.tar.gz.sha256',
    ]);
    execFileSync('sha256sum', ['-c', basename(artefact.checksumPath)], { cwd: dirname(artefact.path) });
    expect(artefact.bytes).toBe(statSync(artefact.path).size);
  });

  it('keeps the files private', async () => {
    const { path, checksumPath, manifestPath } = await committed(aJob(folder));
    for (const file of [path, checksumPath, manifestPath]) expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(statSync(dirname(path)).mode & 0o777).toBe(0o700);
  });

  it('is found by a later owner of the run, and by no other run', async () => {
    const job = aJob(folder);
    const artefact = await committed(job);
    expect(await findCommitted({ ...job, epoch: 2 })).toEqual(artefact);
    expect(await findCommitted(aJob(folder))).toBeUndefined();
  });

  it.each(['data', 'checksum', 'manifest'] as const)('never overwrites a foreign %s', async (kind) => {
    const job = aJob(folder);
    const writer = await opened(job);
    writeFileSync(artefactPaths(job)[kind], 'precious');
    await expect(commitArtefact(job, writer, summary, holding)).rejects.toMatchObject({ code: 'STORAGE_CONFLICT' });
    await cleanUp(job);
    expect(visible()).toEqual([basename(artefactPaths(job)[kind])]);
    expect(readFileSync(artefactPaths(job)[kind], 'utf8')).toBe('precious');
  });

  it('does not publish without the lease', async () => {
    const job = aJob(folder);
    const writer = await opened(job);
    const ensureLease = () => {
      throw new HozenError('LEASE_LOST');
    };
    await expect(commitArtefact(job, writer, summary, { ensureLease })).rejects.toMatchObject({ code: 'LEASE_LOST' });
    expect(visible().filter((name) => !name.startsWith('.'))).toEqual([]);
  });
});

describe('after a worker died', () => {
  it.each(['commit.before-data', 'commit.after-data', 'commit.after-checksum'])(
    'at %s, cleaning up leaves nothing',
    async (point) => {
      const job = aJob(folder);
      await diesAt(point, job);
      await cleanUp({ ...job, epoch: 2 });
      expect(visible()).toEqual([]);
    },
  );

  it.each(['commit.before-data', 'commit.after-data', 'commit.after-checksum'])(
    'at %s, the next owner commits in its place',
    async (point) => {
      const job = aJob(folder);
      await diesAt(point, job);
      const artefact = await committed({ ...job, epoch: 2 });
      expect(artefact.manifest.epoch).toBe(2);
      expect(visible()).toHaveLength(3);
      execFileSync('sha256sum', ['-c', basename(artefact.checksumPath)], { cwd: dirname(artefact.path) });
    },
  );

  it('after the manifest, the artefact stands and cleaning up only removes the partial files', async () => {
    const job = aJob(folder);
    await diesAt('commit.after-manifest', job);
    expect(await findCommitted({ ...job, epoch: 2 })).toBeDefined();
    await cleanUp({ ...job, epoch: 2 });
    expect(visible()).toHaveLength(3);
  });

  it('after the manifest, whatever stands beside the data stays', async () => {
    const job = aJob(folder);
    const owner = { ...ownerOf(job), kinds: allKinds(SIDE_KINDS) };
    const sink = await storageOf(job.config.storage).open(owner, 10);
    await sink.write(Buffer.from('data'));
    await sink.finish();
    elsewhere.set('commit.after-manifest', () => Promise.reject(new Error('it dies')));
    const written = { bytes: 4, originalBytes: 4, sha256: 'a'.repeat(64), index: { offset: 0, length: 1 } };
    const manifest = JSON.stringify({ ...manifestFor(artefactPaths(job).data, written, 'none'), runId: job.runId });
    const texts = { checksum: 'c', files: 'f', signature: 's', manifest };
    await expect(sink.publish(texts, holding)).rejects.toThrow('it dies');
    elsewhere.clear();
    await cleanUp({ ...job, epoch: 2 });
    expect(visible()).toHaveLength(5);
  });

  it.each(['commit.before-data', 'commit.after-data', 'commit.after-checksum'])(
    'a worker that was only paused at %s finds nothing to publish',
    async (point) => {
      const job = aJob(folder);
      const writer = await opened(job);
      elsewhere.set(point, () => cleanUp({ ...job, epoch: 2 }));
      await expect(commitArtefact(job, writer, summary, holding)).rejects.toMatchObject({ code: 'LEASE_LOST' });
      elsewhere.clear();
      await writer.abort();
      expect(visible().filter((name) => name.endsWith('.manifest.json'))).toEqual([]);
      const artefact = await committed({ ...job, epoch: 2 });
      expect(await findCommitted(job)).toEqual(artefact);
    },
  );

  it('takes away what would publish before it takes away the data', async () => {
    const job = aJob(folder);
    await diesAt('commit.after-checksum', job);
    const paths = artefactPaths(job);
    const seen: { data: boolean; publishable: boolean }[] = [];
    onSync.look = () => {
      seen.push({ data: existsSync(paths.data), publishable: existsSync(paths.partial('manifest')) });
    };
    await cleanUp({ ...job, epoch: 2 });
    onSync.look = () => undefined;
    expect(seen.length).toBeGreaterThan(1);
    expect(seen.filter(({ data, publishable }) => publishable && !data)).toEqual([]);
  });

  it('an earlier owner that wakes up does not touch what the later one writes', async () => {
    const job = aJob(folder);
    const later = await opened({ ...job, epoch: 2 });
    await cleanUp(job);
    await commitArtefact({ ...job, epoch: 2 }, later, summary, holding);
    await cleanUp(job);
    expect(visible()).toHaveLength(3);
  });

  it('leaves what belongs to other runs', async () => {
    const other = aJob(folder, { configName: 'weekly' });
    const writer = await opened(other);
    const job = aJob(folder);
    const abandoned = await opened(job);
    await cleanUp(job);
    await abandoned.abort();
    await commitArtefact(other, writer, summary, holding);
    await cleanUp(job);
    expect(visible()).toHaveLength(3);
  });

  it('removes the spool folder', async () => {
    const job = aJob(folder);
    mkdirSync(join(job.spoolDir, 'deep'), { recursive: true });
    await cleanUp(job);
    expect(existsSync(job.spoolDir)).toBe(false);
  });
});

describe('discarding a committed artefact', () => {
  it('leaves nothing of it', async () => {
    const job = aJob(folder);
    await discardCommitted(job, await committed(job), holding);
    expect(visible()).toEqual([]);
  });

  it('is not done by a worker that has lost its lease', async () => {
    const job = aJob(folder);
    const artefact = await committed(job);
    const ensureLease = () => {
      throw new HozenError('LEASE_LOST');
    };
    await expect(discardCommitted(job, artefact, { ensureLease })).rejects.toMatchObject({ code: 'LEASE_LOST' });
    expect(visible()).toHaveLength(3);
  });

  it('does not touch what another run has put there since', async () => {
    const job = aJob(folder);
    const artefact = await committed(job);
    await discardCommitted(job, artefact, holding);
    await committed(aJob(folder));
    await discardCommitted(job, artefact, holding);
    expect(visible()).toHaveLength(3);
  });
});

describe('an attempt that is given up', () => {
  it('leaves nothing', async () => {
    const writer = await opened(aJob(folder), 10_000_000);
    await writer.abort();
    expect(visible()).toEqual([]);
  });
});
