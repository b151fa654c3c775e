import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { copyFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { EncryptionSpec, S3StorageSpec } from '@hozen/contracts';
import { connect } from '@hozen/dbms';
import { NO_S3, s3Program, tempDir, TestPostgres, TestS3 } from '@hozen/testkit';
import { expect, it } from 'vitest';
import { backUp, jobFor, quietContext } from '../backup.fixture.js';
import { newIdentity } from '../encryption/age.fixture.js';
import type { BackupJob } from '../job.js';
import { checkArtefact } from './check-artefact.js';
import { proveByRestore } from './prove-by-restore.js';

/**
 * A cluster is backed up for somebody whose private key the worker does not have, proven, and restored by hand.
 * @param fileOf where a file of the artefact lies for whoever downloads it
 */
async function backUpAndRestore(storeIn: (job: BackupJob) => void, fileOf: (path: string) => string): Promise<void> {
  await using folder = await tempDir();
  await using source = await TestPostgres.start();
  await using client = await source.client();
  await client.query('CREATE TABLE treasure AS SELECT i, md5(i::text) FROM generate_series(1, 50000) AS i');
  const { recipient, secret } = newIdentity();
  writeFileSync(folder.join('key.txt'), secret);
  const job = jobFor(source.address(), folder.path);
  job.config.encryption = Object.assign(new EncryptionSpec(), { recipients: [recipient] });
  storeIn(job);

  const artefact = await backUp(job);
  await checkArtefact(job, artefact, quietContext());
  expect(await proveByRestore(job, artefact, quietContext())).toMatchObject({ level: 'restore' });

  for (const path of [artefact.path, artefact.checksumPath, artefact.manifestPath]) {
    await copyFile(fileOf(path), folder.join(basename(path)));
  }
  await using target = await TestPostgres.start();
  const { host, port, user, password = '' } = target.address();
  const env = { ...process.env, PGHOST: host, PGPORT: String(port), PGUSER: user, PGPASSWORD: password };
  const manifest = JSON.parse(readFileSync(folder.join(basename(artefact.manifestPath)), 'utf8')) as {
    restore: string[];
  };
  const commands = manifest.restore.join('\n');
  execFileSync('sh', ['-ec', commands], {
    cwd: folder.path,
    env: { ...env, KEY: folder.join('key.txt') },
    stdio: 'pipe',
  });
  const sum = 'SELECT count(*), md5(string_agg(treasure::text, $$,$$ ORDER BY i)) FROM treasure';
  // From now on the passwords of the original count.
  const login = { ...target.address(), password: source.address().password ?? '' };
  await using restored = await connect(login, { applicationName: 'spec' });
  expect((await restored.query(sum)).rows).toEqual((await client.query(sum)).rows);
}

it('an encrypted cluster in a folder is proven without the private key, and restored by hand with it', async () => {
  await backUpAndRestore(
    () => undefined,
    (path) => path,
  );
}, 240_000);

it.skipIf(s3Program() === undefined)(
  `the same in S3 (skipped where there is ${NO_S3})`,
  async () => {
    await using s3 = await TestS3.start();
    await backUpAndRestore(
      (job) => {
        job.config.storage = Object.assign(new S3StorageSpec(), s3.storage('e2e'));
      },
      (path) => s3.fileOf(path),
    );
  },
  240_000,
);
