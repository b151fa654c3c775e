import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { HozenError } from '@hozen/contracts';
import { NO_S3, s3Program, tempDir, type TempDir } from '@hozen/testkit';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { readExactly } from '../artefact/byte-source.js';
import { manifestFor } from '../artefact/manifest.fixture.js';
import { aJob } from '../job.fixture.js';
import type { BackupJob } from '../job.js';
import { EMPTY_SUMMARY as summary } from '../methods/dump-summary.fixture.js';
import { committedArtefact, HOLDING, openedArtefact } from '../spec-support/artefacts.js';
import { PLACES, type Place } from '../spec-support/places.js';
import { checkArtefact } from '../verification/check-artefact.js';
import { allKinds, artefactPaths, ownerOf, SIDE_KINDS } from './artefact-paths.js';
import { cleanUp, discardCommitted } from './clean-up.js';
import { commitArtefact } from './commit-artefact.js';
import { findCommitted } from './committed-artefact.js';
import { openArtefact } from './open-artefact.js';
import { removeArtefact } from './remove-artefact.js';
import { SequentialReader } from './sequential-reader.js';
import { storageOf } from './storage-of.js';

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

const MIB = 1024 * 1024;
const POINTS = ['commit.before-data', 'commit.after-data', 'commit.after-checksum'] as const;
const WHOLE = ['', '.manifest.json', '.sha256'].map((end) => `20260102_030405_nightly.tar.gz${end}`);

const context = { signal: new AbortController().signal, progress: () => undefined };

/** Has lost its lease when it looks for the nth time. */
function losing(time: number): typeof HOLDING {
  let looks = 0;
  return {
    ensureLease: () => {
      if (++looks >= time) throw new HozenError('LEASE_LOST');
    },
  };
}

// One suite for every kind of storage: what artefacts rely on holds in each of them.
describe.each(Object.entries(PLACES))('artefacts in %s', (kind, open) => {
  const missing = kind === 'a bucket' && s3Program() === undefined;
  describe.skipIf(missing)(missing ? `(skipped: ${NO_S3})` : 'of a run', () => {
    let folder: TempDir;
    let place: Place;

    beforeEach(async () => {
      [folder, place] = await Promise.all([tempDir(), open()]);
    });
    afterEach(async () => {
      elsewhere.clear();
      vi.unstubAllEnvs();
      await place[Symbol.asyncDispose]();
      await folder[Symbol.asyncDispose]();
    });

    function job(change: Parameters<typeof aJob>[1] = {}): BackupJob {
      const made = aJob(folder.path, change);
      made.config.storage = place.spec;
      return made;
    }

    /** Dies at a failpoint as far as the storage is concerned: nothing of ours runs after it. */
    async function diesAt(point: string, of: BackupJob): Promise<void> {
      vi.stubEnv('HOZEN_FAILPOINTS', `${point}=throw`);
      await expect(committedArtefact(of)).rejects.toThrow(`failpoint ${point}`);
      vi.unstubAllEnvs();
    }

    const names = async () => (await place.names()).toSorted();
    const published = async () => (await names()).filter((name) => name.endsWith('.manifest.json'));

    it('stand as data, checksum and manifest, are read back whole and in parts, and nothing else is there', async () => {
      const artefact = await committedArtefact(job(), 30 * MIB);
      expect(await names()).toEqual(WHOLE);
      await checkArtefact(job(), artefact, context);
      const bytes = await place.bytes(artefact.path);
      expect(createHash('sha256').update(bytes).digest('hex')).toBe(artefact.sha256);
      expect((await place.bytes(artefact.checksumPath)).toString()).toBe(`${artefact.sha256}  ${WHOLE[0]}\n`);
      const { path, storage } = artefact;
      await using source = await storage.source(path, 'any');
      expect((await readExactly(source, 0, source.size)).equals(bytes)).toBe(true);
      await using reader = await SequentialReader.open(storage, path);
      const inTurn = Buffer.alloc(bytes.length);
      for (let at = 0; at < bytes.length; at += 5_000_000) await reader.read(inTurn.subarray(at, at + 5_000_000));
      expect(inTurn.equals(bytes)).toBe(true);
      const middle = await readExactly(source, 9 * MIB + 1, 100);
      expect(middle).toEqual(bytes.subarray(9 * MIB + 1, 9 * MIB + 101));
      await expect(readExactly(source, source.size - 1, 2)).rejects.toThrow(RangeError);
    });

    it('of a config with any name stand below it, and are found', async () => {
      for (const configName of ['../../etc/passwd', `it's "quoted"`, 'a\nb', '-rf', '名前', '💾'.repeat(100)]) {
        const mine = job({ configName });
        const artefact = await committedArtefact(mine);
        expect(await names()).toContain(basename(artefact.path));
        expect((await findCommitted(mine))?.manifest).toEqual(artefact.manifest);
      }
      expect(await names()).toHaveLength(18);
    });

    it('are found by a later owner of the run, and by no other run', async () => {
      const first = job();
      const artefact = await committedArtefact(first);
      const { path, sha256, manifest } = artefact;
      expect(await findCommitted({ ...first, epoch: 2 })).toMatchObject({ path, sha256, manifest });
      expect(await findCommitted(job())).toBeUndefined();
    });

    it.each(['data', 'checksum', 'manifest'] as const)('never overwrite a foreign %s', async (what) => {
      const mine = job();
      const writer = await openedArtefact(mine);
      const foreign = artefactPaths(mine)[what];
      await place.put(foreign, 'precious');
      await expect(commitArtefact(mine, writer, summary, HOLDING)).rejects.toMatchObject({ code: 'STORAGE_CONFLICT' });
      await cleanUp(mine);
      expect(await names()).toEqual([basename(foreign)]);
      expect((await place.bytes(foreign)).toString()).toBe('precious');
    });

    it('do not appear without the lease', async () => {
      const mine = job();
      const writer = await openedArtefact(mine);
      await expect(commitArtefact(mine, writer, summary, losing(1))).rejects.toMatchObject({ code: 'LEASE_LOST' });
      for (const name of WHOLE) expect(await names()).not.toContain(name);
    });

    it('are not to be had where nothing can be stored, which is said before and when it is tried', async () => {
      const mine = job();
      mine.config.storage = await place.broken();
      const code = expect.stringMatching(/^STORAGE_/) as string;
      await expect(storageOf(mine.config.storage).check(ownerOf(mine))).rejects.toMatchObject({ code });
      await expect(openArtefact(mine, 1)).rejects.toMatchObject({ code });
    });

    it.each(POINTS)('leave nothing after a worker died at %s and the next one cleaned up', async (point) => {
      const mine = job();
      await diesAt(point, mine);
      expect(await names()).not.toEqual([]);
      await cleanUp({ ...mine, epoch: 2 });
      expect(await names()).toEqual([]);
    });

    it.each(POINTS)('are committed by the next owner after a worker died at %s', async (point) => {
      const mine = job();
      await diesAt(point, mine);
      const artefact = await committedArtefact({ ...mine, epoch: 2 });
      expect(artefact.manifest.epoch).toBe(2);
      await checkArtefact(mine, artefact, context);
      expect(await names()).toEqual(WHOLE);
    });

    it.each(POINTS)('cannot be published by a worker that was paused at %s and cleaned up after', async (point) => {
      const mine = job();
      const writer = await openedArtefact(mine);
      elsewhere.set(point, () => cleanUp({ ...mine, epoch: 2 }));
      await expect(commitArtefact(mine, writer, summary, HOLDING)).rejects.toMatchObject({ code: 'LEASE_LOST' });
      elsewhere.clear();
      await writer.abort();
      expect(await published()).toEqual([]);
      const artefact = await committedArtefact({ ...mine, epoch: 2 });
      expect((await findCommitted(mine))?.manifest).toEqual(artefact.manifest);
      expect(await names()).toEqual(WHOLE);
    });

    it('stand when a worker dies after the manifest, and cleaning up takes only what is hidden', async () => {
      const mine = job();
      await diesAt('commit.after-manifest', mine);
      expect(await findCommitted({ ...mine, epoch: 2 })).toBeDefined();
      await cleanUp({ ...mine, epoch: 2 });
      expect(await names()).toEqual(WHOLE);
    });

    it('keep all that stands beside them when a worker dies after the manifest', async () => {
      const mine = job();
      const sink = await storageOf(place.spec).open({ ...ownerOf(mine), kinds: allKinds(SIDE_KINDS) }, 10);
      await sink.write(Buffer.from('data'));
      await sink.finish();
      elsewhere.set('commit.after-manifest', () => Promise.reject(new Error('it dies')));
      const written = { bytes: 4, originalBytes: 4, sha256: 'a'.repeat(64), index: { offset: 0, length: 1 } };
      const manifest = JSON.stringify({ ...manifestFor(artefactPaths(mine).data, written, 'none'), runId: mine.runId });
      const texts = { checksum: 'c', files: 'f', signature: 's', manifest };
      await expect(sink.publish(texts, HOLDING)).rejects.toThrow('it dies');
      elsewhere.clear();
      await cleanUp({ ...mine, epoch: 2 });
      expect(await names()).toHaveLength(5);
    });

    it('of a later owner are not touched by an earlier one that wakes up', async () => {
      const mine = job();
      const later = await openedArtefact({ ...mine, epoch: 2 });
      await cleanUp(mine);
      await commitArtefact({ ...mine, epoch: 2 }, later, summary, HOLDING);
      await cleanUp(mine);
      expect(await names()).toEqual(WHOLE);
    });

    it('of other runs are left alone', async () => {
      const other = job({ configName: 'weekly' });
      const writer = await openedArtefact(other);
      const mine = job();
      const abandoned = await openedArtefact(mine);
      await cleanUp(mine);
      await abandoned.abort();
      await commitArtefact(other, writer, summary, HOLDING);
      await cleanUp(mine);
      expect(await names()).toEqual(WHOLE.map((name) => name.replace('nightly', 'weekly')));
    });

    it('leave nothing when they are given up', async () => {
      const writer = await openedArtefact(job(), 20 * MIB);
      await writer.abort();
      expect(await names()).toEqual([]);
    });

    it('are taken back whole, and not without the lease', async () => {
      const mine = job();
      const artefact = await committedArtefact(mine);
      for (const time of [1, 2]) {
        await expect(discardCommitted(mine, artefact, losing(time))).rejects.toMatchObject({ code: 'LEASE_LOST' });
        expect(await names()).toEqual(expect.arrayContaining(WHOLE));
        await checkArtefact(mine, artefact, context);
      }
      await cleanUp(mine);
      expect(await names()).toEqual(WHOLE);
      await discardCommitted(mine, artefact, HOLDING);
      expect(await names()).toEqual([]);
    });

    it('of another run that stand there since are not taken back', async () => {
      const mine = job();
      const artefact = await committedArtefact(mine);
      await discardCommitted(mine, artefact, HOLDING);
      await committedArtefact(job());
      await discardCommitted(mine, artefact, HOLDING);
      expect(await names()).toEqual(WHOLE);
    });

    it('are listed, with what is hidden, and removed; what is not there is no error', async () => {
      const artefact = await committedArtefact(job());
      await openedArtefact(job({ configName: 'weekly' }));
      const listed: string[] = [];
      for await (const path of storageOf(place.spec).files()) listed.push(path);
      const { path, manifestPath, checksumPath } = artefact;
      expect(listed.filter((each) => !basename(each).startsWith('.')).toSorted()).toEqual([
        path,
        manifestPath,
        checksumPath,
      ]);
      expect(listed.filter((each) => basename(each).startsWith('.')).length).toBeGreaterThan(0);
      await removeArtefact(path, place.spec);
      expect((await names()).filter((name) => name.includes('nightly'))).toEqual([]);
      await removeArtefact(path, place.spec);
      expect(await artefact.storage.readText(manifestPath)).toBeUndefined();
      await expect(artefact.storage.source(path, 'any')).rejects.toMatchObject({ code: 'ARTEFACT_MISSING' });
    });

    it('take the spool folder of their run with them', async () => {
      const mine = job();
      mkdirSync(join(mine.spoolDir, 'deep'), { recursive: true });
      await cleanUp(mine);
      expect(existsSync(mine.spoolDir)).toBe(false);
    });

    it('can be checked with sha256sum by whoever downloads them', async () => {
      const { path, checksumPath } = await committedArtefact(job());
      for (const each of [path, checksumPath]) await writeFile(folder.join(basename(each)), await place.bytes(each));
      execFileSync('sha256sum', ['-c', basename(checksumPath)], { cwd: folder.path });
    });
  });
});
