import { existsSync } from 'node:fs';
import { EncryptionSpec, S3StorageSpec } from '@hozen/contracts';
import { NO_S3, s3Program, tempDir, TestPostgres, TestS3 } from '@hozen/testkit';
import { expect, it } from 'vitest';
import { quietContext } from '../../backup.fixture.js';
import { newIdentity } from '../../encryption/age.fixture.js';
import type { BackupJob } from '../../job.js';
import { besides, removalOrder } from '../../storage/artefact-paths.js';
import { removeArtefact } from '../../storage/remove-artefact.js';
import { checkArtefact } from '../../verification/check-artefact.js';
import { proveByStart } from '../../verification/prove-by-start.js';
import { BackupSeries } from '../../backup-series.fixture.js';

/** A full backup and an increment on it. */
async function chain(change: (job: BackupJob) => void) {
  await using folder = await tempDir();
  await using server = await TestPostgres.start();
  await using client = await server.client();
  await client.query('CREATE TABLE treasure AS SELECT i AS id, md5(i::text) AS t FROM generate_series(1, 20000) AS i');
  const backups = new BackupSeries(server.address(), folder.path, change);
  const full = await backups.make('full');
  await client.query(`UPDATE treasure SET t = 'changed' WHERE id % 1000 = 0`);
  const increment = await backups.make('incremental');
  expect(increment.artefact.manifest).toMatchObject({
    level: 'incremental',
    physical: { parent: { runId: full.job.runId } },
  });
  await checkArtefact(increment.job, increment.artefact, quietContext());
  const proof = await proveByStart(increment.job, increment.artefact, quietContext());
  return { full, increment, proof };
}

it('an increment builds on an encrypted backup that the worker cannot read; what cannot be restored here is not called proven', async () => {
  const { recipient } = newIdentity();
  const { proof } = await chain((job) => {
    job.config.encryption = Object.assign(new EncryptionSpec(), { recipients: [recipient] });
  });
  expect(proof.level).toBe('checksum');
});

it('a chain of encrypted backups is proven where an identity is given', async () => {
  const { recipient, secret } = newIdentity();
  process.env['HOZEN_TEST_CHAIN_IDENTITY'] = secret;
  const { proof } = await chain((job) => {
    const encryption = { recipients: [recipient], identity: 'env:HOZEN_TEST_CHAIN_IDENTITY' };
    job.config.encryption = Object.assign(new EncryptionSpec(), encryption);
  });
  expect(proof.level).toBe('restore');
});

it.skipIf(s3Program() === undefined)(
  `a chain is made in a bucket, proven from there, and removed without a trace (skipped where there is ${NO_S3})`,
  async () => {
    await using s3 = await TestS3.start();
    const storage = Object.assign(new S3StorageSpec(), s3.storage('chain'));
    const { full, increment, proof } = await chain((job) => (job.config.storage = storage));
    expect(proof.level).toBe('restore');
    const parts = [increment, full].map(({ artefact }) => artefact.path);
    expect(existsSync(s3.fileOf(besides(full.artefact.path).files))).toBe(true);
    for (const path of parts) await removeArtefact(path, storage);
    for (const path of parts.flatMap(removalOrder)) expect(existsSync(s3.fileOf(path))).toBe(false);
  },
  240_000,
);
