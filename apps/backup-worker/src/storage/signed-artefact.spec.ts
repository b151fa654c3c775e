import { execFileSync } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { S3StorageSpec, SigningSpec, type FileStorageSpec, type StorageSpec } from '@hozen/contracts';
import { NO_S3, s3Program, TestS3 } from '@hozen/testkit';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { newSigning } from '../artefact/signing.fixture.js';
import { aJob } from '../job.fixture.js';
import type { BackupJob } from '../job.js';
import { EMPTY_SUMMARY as summary } from '../methods/dump-summary.fixture.js';
import { besides } from './artefact-paths.js';
import { cleanUp, discardCommitted } from './clean-up.js';
import { commitArtefact } from './commit-artefact.js';
import { findCommitted, publishedArtefact, type CommittedArtefact } from './committed-artefact.js';
import { openArtefact } from './open-artefact.js';
import { removeArtefact } from './remove-artefact.js';

const holding = { ensureLease: () => undefined };
const POINTS = ['commit.before-data', 'commit.after-data', 'commit.after-checksum', 'commit.after-signature'];

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'hozen-signed-'));
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true });
});

const newKey = (name: string) => newSigning(join(folder, name));

function signedJob(storage?: StorageSpec): BackupJob {
  const job = aJob(folder);
  if (storage) job.config.storage = storage;
  job.config.signing = newKey('key.pem');
  return job;
}

async function commit(job: BackupJob): Promise<CommittedArtefact> {
  const writer = await openArtefact(job, 100);
  await writer.addFile('README.txt', 'Read me.\n');
  return commitArtefact(job, writer, summary, holding);
}

const later = (job: BackupJob, { path }: CommittedArtefact, signing: SigningSpec | null) =>
  publishedArtefact(path, { storage: job.config.storage, encryption: null, signing });

function visible(): string[] {
  return readdirSync(join(folder, 'storage', 'manual'));
}

describe('the signature of a manifest', () => {
  it('is what openssl verifies', async () => {
    const job = signedJob();
    const { path, manifestPath } = await commit(job);
    writeFileSync(join(folder, 'public.pem'), job.config.signing?.publicKeys[0] ?? '');
    const { signature } = besides(path);
    const verify = ['pkeyutl', '-verify', '-pubin', '-inkey', join(folder, 'public.pem'), '-rawin'];
    const files = ['-in', manifestPath, '-sigfile', signature];
    expect(execFileSync('openssl', [...verify, ...files]).toString()).toContain('Signature Verified Successfully');
  });

  it('is asked for where the config signs', async () => {
    const job = signedJob();
    const artefact = await commit(job);
    expect(await findCommitted(job)).toMatchObject({ path: artefact.path });
    expect(await later(job, artefact, job.config.signing ?? null)).toMatchObject({ path: artefact.path });
    rmSync(besides(artefact.path).signature);
    const refused = { code: 'SIGNATURE_MISSING' };
    await expect(findCommitted(job)).rejects.toMatchObject(refused);
    await expect(later(job, artefact, job.config.signing ?? null)).rejects.toMatchObject(refused);
    expect(await later(job, artefact, null)).toMatchObject({ path: artefact.path });
  });

  it.each([
    ['the manifest was changed', (at: ReturnType<typeof besides>) => writeFileSync(at.manifest, changed(at.manifest))],
    ['it was cut', (at: ReturnType<typeof besides>) => writeFileSync(at.signature, readFileSync(at.signature, 'hex'))],
    ['it is nothing', (at: ReturnType<typeof besides>) => writeFileSync(at.signature, '')],
    ['it is of zeros', (at: ReturnType<typeof besides>) => writeFileSync(at.signature, Buffer.alloc(64))],
  ])('is refused where %s', async (_what, damage) => {
    const job = signedJob();
    const artefact = await commit(job);
    damage(besides(artefact.path));
    await expect(later(job, artefact, job.config.signing ?? null)).rejects.toMatchObject({ code: 'SIGNATURE_WRONG' });
  });

  it('of another key is refused; of an older one that is still listed it is good', async () => {
    const job = signedJob();
    const artefact = await commit(job);
    const now = newKey('new.pem');
    await expect(later(job, artefact, now)).rejects.toMatchObject({ code: 'SIGNATURE_WRONG' });
    now.publicKeys.push(...(job.config.signing?.publicKeys ?? []));
    expect(await later(job, artefact, now)).toMatchObject({ path: artefact.path });
  });

  it.each([
    ['of another kind', () => generateKeyPairSync('x25519').privateKey.export({ format: 'pem', type: 'pkcs8' })],
    [
      'that nobody would believe',
      () => generateKeyPairSync('ed25519').privateKey.export({ format: 'pem', type: 'pkcs8' }),
    ],
    ['that is none', () => 'not a key'],
  ])('is not begun with a key %s', async (_what, key) => {
    const job = signedJob();
    writeFileSync(join(folder, 'key.pem'), key());
    await expect(openArtefact(job)).rejects.toMatchObject({ code: 'SIGNING_KEY_WRONG' });
  });
});

const FILES = 'a folder';
const S3 = `a bucket (skipped where there is ${NO_S3})`;
describe.each([FILES, S3])('a signed artefact in %s', (where) => {
  const runs = where === FILES || s3Program() !== undefined;
  let s3: TestS3 | undefined;
  let count = 0;
  beforeAll(async () => {
    if (where === S3 && runs) s3 = await TestS3.start();
  });
  afterAll(async () => {
    await s3?.[Symbol.asyncDispose]();
  });
  const storage = (): S3StorageSpec | FileStorageSpec =>
    s3 ? Object.assign(new S3StorageSpec(), s3.storage(`signed/${++count}`)) : aFolder();
  const aFolder = (): FileStorageSpec => ({ kind: 'file', path: join(folder, 'storage') });
  const names = (job: BackupJob): string[] => {
    const location = job.config.storage;
    if (location.kind === 'file') return visible().toSorted();
    const root = s3?.fileOf(`s3://${location.bucket}/${location.prefix ?? ''}/manual`) ?? '';
    return readdirSync(root).toSorted();
  };
  const wholeOf = ({ path }: CommittedArtefact) => {
    const { data, checksum, signature, manifest } = besides(path);
    return [data, checksum, signature, manifest].map((each) => basename(each)).toSorted();
  };

  it.runIf(runs)('is data, checksum, signature and manifest, and is removed whole', async () => {
    const job = signedJob(storage());
    const artefact = await commit(job);
    expect(names(job)).toEqual(wholeOf(artefact));
    expect(await later(job, artefact, job.config.signing ?? null)).toMatchObject({ path: artefact.path });
    await removeArtefact(artefact.path, job.config.storage);
    expect(namesOrNone(() => names(job))).toEqual([]);
  });

  it.runIf(runs)('is taken back whole', async () => {
    const job = signedJob(storage());
    await discardCommitted(job, await commit(job), holding);
    expect(namesOrNone(() => names(job))).toEqual([]);
  });

  it.runIf(runs)('stays whole when its worker died just after it was published', async () => {
    const job = signedJob(storage());
    vi.stubEnv('HOZEN_FAILPOINTS', 'commit.after-manifest=throw');
    await expect(commit(job)).rejects.toThrow('failpoint commit.after-manifest');
    vi.unstubAllEnvs();
    await cleanUp({ ...job, epoch: 2 });
    const found = await findCommitted(job);
    expect(found && names(job)).toEqual(found && wholeOf(found));
    expect(found).toBeDefined();
  });

  it.runIf(runs).each(POINTS)('of a worker that died at %s leaves nothing, and is made again', async (point) => {
    const job = signedJob(storage());
    vi.stubEnv('HOZEN_FAILPOINTS', `${point}=throw`);
    await expect(commit(job)).rejects.toThrow(`failpoint ${point}`);
    vi.unstubAllEnvs();
    await cleanUp({ ...job, epoch: 2 });
    expect(namesOrNone(() => names(job))).toEqual([]);
    const artefact = await commit({ ...job, epoch: 3 });
    expect(names(job)).toEqual(wholeOf(artefact));
  });
});

/** A bucket has no empty folders. */
function namesOrNone(list: () => string[]): string[] {
  try {
    return list();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}

function changed(path: string): string {
  return readFileSync(path, 'utf8').replace('"nightly"', '"weekly"');
}
