import { execFileSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { EncryptionSpec } from '@hozen/contracts';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ArtefactFile } from '../artefact/artefact-file.js';
import { quietContext } from '../backup.fixture.js';
import { aJob } from '../job.fixture.js';
import type { BackupJob } from '../job.js';
import type { DumpSummary } from '../methods/dump-summary.js';
import { runBackup } from '../runs/run-backup.js';
import { commitArtefact } from '../storage/commit-artefact.js';
import { findCommitted, type CommittedArtefact } from '../storage/committed-artefact.js';
import { openArtefact } from '../storage/open-artefact.js';
import { checkArtefact } from '../verification/check-artefact.js';
import { newIdentity } from './age.fixture.js';

const MIB = 1024 * 1024;
const summary: DumpSummary = {
  format: 'hozen-postgres-logical',
  originalBytes: 1,
  databases: [],
  tables: 0,
  tablespaces: [],
  warnings: ['noticed while dumping'],
  server: { systemIdentifier: '1', version: '15.20', major: 15, superuser: 'postgres', inRecovery: false, tools: '15' },
  contents: [],
  seconds: 1,
  megabytesPerSecond: 1,
};
const neverChecked = () => {
  const checking = Promise.reject(new Error('the target is not needed'));
  checking.catch(() => undefined);
  return checking;
};

let folder: string;
let content: Buffer;
const identity = newIdentity();
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'hozen-encrypted-'));
  content = randomBytes(5 * MIB);
  writeFileSync(join(folder, 'key.txt'), identity.secret);
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});

function encryptedJob(change: Partial<EncryptionSpec> = {}, about: Partial<BackupJob> = {}): BackupJob {
  const job = aJob(folder, about);
  job.config.encryption = Object.assign(new EncryptionSpec(), { recipients: [identity.recipient] }, change);
  return job;
}

async function commit(job: BackupJob): Promise<CommittedArtefact> {
  const writer = await openArtefact(job);
  await writer.addFile('README.txt', 'Read me.\n');
  const stream = writer.openStream('globals/roles.sql');
  await stream.write(content);
  await writer.endStream(stream);
  return commitArtefact(job, writer, summary, { ensureLease: () => undefined });
}

/** As the next owner of the run sees it, who does not know the key. */
async function foundAgain(job: BackupJob): Promise<CommittedArtefact> {
  const found = await findCommitted(job);
  if (!found) throw new Error('nothing is committed');
  return found;
}

const openAgain = async (job: BackupJob) => ArtefactFile.open(await foundAgain(job));
const identityFile = () => `file:${join(folder, 'key.txt')}`;
const check = (job: BackupJob, artefact: CommittedArtefact) => checkArtefact(job, artefact, quietContext());

describe('an encrypted artefact', () => {
  it.each(['gzip', 'zstd', 'none'] as const)('is what age and tar take, with compression %s', async (compression) => {
    const job = encryptedJob();
    job.config.compression = compression;
    job.compress = compression !== 'none';
    const { path, manifest } = await commit(job);
    const suffix = { gzip: '.tar.gz.age', zstd: '.tar.zst.age', none: '.tar.age' }[compression];
    expect(path.endsWith(suffix)).toBe(true);
    const plain = execFileSync('age', ['-d', '-i', join(folder, 'key.txt'), path], { maxBuffer: 20 * MIB });
    expect(manifest.encryption).toEqual({
      format: 'age-v1',
      recipients: [identity.recipient],
      plain: { bytes: plain.length, sha256: createHash('sha256').update(plain).digest('hex') },
    });
    const name = path.replace(/\.age$/, '');
    writeFileSync(name, plain);
    const roles = execFileSync('tar', ['-xOf', name, '--wildcards', 'globals/roles.sql*'], { maxBuffer: 20 * MIB });
    expect(roles.equals(content)).toBe(true);
    expect(readFileSync(path).includes('Read me.')).toBe(false);
  });

  it('has the SHA-256 of the encrypted file beside it', async () => {
    const { checksumPath, bytes, path } = await commit(encryptedJob());
    execFileSync('sha256sum', ['-c', checksumPath], { cwd: join(folder, 'storage/manual'), stdio: 'pipe' });
    expect(readFileSync(path)).toHaveLength(bytes);
  });

  it('is read and checked by the attempt that made it, without an identity', async () => {
    const job = encryptedJob();
    const artefact = await commit(job);
    await check(job, artefact);
    await using file = await ArtefactFile.open(artefact);
    expect((await file.readFile('globals/roles.sql')).equals(content)).toBe(true);
  });

  it('is read later with the identity of the config, and not without or with another one', async () => {
    const job = encryptedJob();
    await commit(job);
    await expect(openAgain(job)).rejects.toMatchObject({ code: 'IDENTITY_MISSING' });
    Object.assign(job.config.encryption ?? {}, { identity: identityFile() });
    await check(job, await foundAgain(job));
    writeFileSync(join(folder, 'key.txt'), newIdentity().secret);
    await expect(openAgain(job)).rejects.toMatchObject({ code: 'IDENTITY_WRONG' });
  });

  it('is not even begun with an identity that will not be able to read it', async () => {
    writeFileSync(join(folder, 'key.txt'), newIdentity().secret);
    const job = encryptedJob({ identity: identityFile() });
    await expect(openArtefact(job)).rejects.toMatchObject({ code: 'IDENTITY_WRONG' });
    expect(existsSync(join(folder, 'storage'))).toBe(false);
  });

  it('leaves nothing when it is given up', async () => {
    const writer = await openArtefact(encryptedJob());
    await writer.addFile('README.txt', 'Read me.\n');
    await writer.abort();
    expect(readdirSync(join(folder, 'storage/manual'))).toEqual([]);
  });

  it('is found damaged wherever a bit was flipped, or something cut off', async () => {
    const job = encryptedJob();
    const artefact = await commit(job);
    const pristine = readFileSync(artefact.path);
    for (let i = 0; i < 25; i++) {
      const changed = Buffer.from(pristine);
      const at = Math.floor((i * (pristine.length - 1)) / 24);
      changed[at] = (changed[at] ?? 0) ^ 4;
      writeFileSync(artefact.path, changed);
      await expect(check(job, artefact), `byte ${at}`).rejects.toMatchObject({ code: 'ARTEFACT_CORRUPT' });
    }
    for (const cut of [pristine.length - 1, pristine.length - 65_552, 10]) {
      writeFileSync(artefact.path, pristine.subarray(0, cut));
      await expect(check(job, artefact), `cut at ${cut}`).rejects.toMatchObject({ code: 'ARTEFACT_CORRUPT' });
    }
  });

  it('is found wrong when it holds something else than the manifest says, however well it is encrypted', async () => {
    const job = encryptedJob();
    const artefact = await commit(job);
    const { encryption } = artefact.manifest;
    if (!encryption) throw new Error('not encrypted');
    encryption.plain.sha256 = createHash('sha256').digest('hex');
    await expect(check(job, artefact)).rejects.toMatchObject({ code: 'ARTEFACT_CORRUPT' });
  });
});

describe('the next owner of a run', () => {
  const takeOver = (job: BackupJob) => runBackup({ ...job, epoch: 2, attempt: 2 }, neverChecked(), quietContext());

  it('checks only the encrypted file where it has no identity, and says so', async () => {
    const job = encryptedJob();
    await commit(job);
    const { proof, warnings } = await takeOver(job);
    expect(proof).toMatchObject({ level: 'checksum', databases: 0, tables: 0 });
    expect(warnings).toEqual(['noticed while dumping', expect.stringContaining('names no identity')]);
  });

  it.each([
    ['a flipped bit', (file: Buffer) => Buffer.concat([file.subarray(0, -1), Buffer.of((file.at(-1) ?? 0) ^ 1)])],
    ['a cut', (file: Buffer) => file.subarray(0, -1)],
    ['something appended', (file: Buffer) => Buffer.concat([file, Buffer.of(0)])],
  ])('finds %s in it all the same', async (_what, damage) => {
    const job = encryptedJob();
    const { path } = await commit(job);
    writeFileSync(path, damage(readFileSync(path)));
    await expect(takeOver(job)).rejects.toMatchObject({ code: 'ARTEFACT_CORRUPT' });
  });

  it('reads it with the identity of the config', async () => {
    const job = encryptedJob({ identity: identityFile() }, { proof: 'checksum' });
    await commit(job);
    const { warnings } = await takeOver(job);
    expect(warnings).toEqual(['noticed while dumping']);
  });
});
