import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { copyFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { S3StorageSpec } from '@hozen/contracts';
import { connect } from '@hozen/dbms';
import { NO_S3, s3Program, tempDir, TestPostgres, TestS3 } from '@hozen/testkit';
import { expect, it } from 'vitest';
import { backUp, jobFor, quietContext } from '../backup.fixture.js';
import { checkArtefact } from './check-artefact.js';
import { proveByRestore } from './prove-by-restore.js';

it.skipIf(s3Program() === undefined)(
  `a cluster goes to S3, is proven from there, and restored by hand (skipped where there is ${NO_S3})`,
  async () => {
    await using folder = await tempDir();
    await using s3 = await TestS3.start();
    await using source = await TestPostgres.start();
    await using client = await source.client();
    await client.query('CREATE TABLE treasure AS SELECT i, md5(i::text) FROM generate_series(1, 50000) AS i');
    const job = jobFor(source.address(), folder.path);
    job.config.storage = Object.assign(new S3StorageSpec(), s3.storage('e2e'));

    const artefact = await backUp(job);
    await checkArtefact(job, artefact, quietContext());
    expect(await proveByRestore(job, artefact, quietContext())).toMatchObject({ level: 'restore' });

    // What any S3 client would download; the server keeps objects as files.
    for (const path of [artefact.path, artefact.checksumPath, artefact.manifestPath]) {
      await copyFile(s3.fileOf(path), folder.join(basename(path)));
    }
    await using target = await TestPostgres.start();
    const { host, port, user, password = '' } = target.address();
    const env = { ...process.env, PGHOST: host, PGPORT: String(port), PGUSER: user, PGPASSWORD: password };
    const manifest = JSON.parse(readFileSync(folder.join(basename(artefact.manifestPath)), 'utf8')) as {
      restore: string[];
    };
    execFileSync('sh', ['-ec', manifest.restore.join('\n')], { cwd: folder.path, env, stdio: 'pipe' });
    const sum = 'SELECT count(*), md5(string_agg(treasure::text, $$,$$ ORDER BY i)) FROM treasure';
    // From now on the passwords of the original count.
    const login = { ...target.address(), password: source.address().password ?? '' };
    await using restored = await connect(login, { applicationName: 'spec' });
    expect((await restored.query(sum)).rows).toEqual((await client.query(sum)).rows);
  },
  240_000,
);
