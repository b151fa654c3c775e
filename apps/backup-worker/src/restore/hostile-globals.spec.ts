import { execFile } from 'node:child_process';
import { chmodSync, existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { connect } from '@hozen/dbms';
import { tempDir, TestPostgres, type TempDir } from '@hozen/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { jobFor, quietContext } from '../backup.fixture.js';
import type { BackupJob } from '../job.js';
import { methodOf } from '../methods/methods.js';
import { ROLES } from '../methods/postgres-logical/dump-globals.js';
import { commitArtefact } from '../storage/commit-artefact.js';
import type { CommittedArtefact } from '../storage/committed-artefact.js';
import { openArtefact } from '../storage/open-artefact.js';
import { proveByRestore } from '../verification/prove-by-restore.js';

let source: TestPostgres;
beforeAll(async () => {
  source = await TestPostgres.start();
});
afterAll(() => source[Symbol.asyncDispose]());

/** A backup that is whole and sound by its sums, and whose roles begin with this. */
async function hostileBackup(folder: TempDir, sql: string): Promise<{ job: BackupJob; artefact: CommittedArtefact }> {
  const job = jobFor(source.address(), folder.path);
  const context = quietContext();
  await using target = await methodOf(job.config.method).check(job, context);
  const writer = await openArtefact(job);
  const open = writer.openStream.bind(writer);
  writer.openStream = (name) => {
    const stream = open(name);
    if (name === ROLES) void stream.write(Buffer.from(sql));
    return stream;
  };
  const summary = await target.dump(job, writer, context);
  return { job, artefact: await commitArtefact(job, writer, summary, context) };
}

/** Where the server's user could write, too. */
async function openFolder(): Promise<TempDir> {
  const folder = await tempDir();
  chmodSync(folder.path, 0o777);
  return folder;
}

describe('a backup whose roles are written to run a program', () => {
  it.each([
    ['by a command of psql', 'ARTEFACT_CORRUPT', (path: string) => `\\! touch ${path}\n`],
    ['on the server', 'ARTEFACT_CORRUPT', (path: string) => `COPY (SELECT 1) TO PROGRAM 'touch ${path}';\n`],
    [
      'on the server, behind what looks like a quote',
      'CONTENT_DIFFERS',
      (path: string) =>
        `ALTER ROLE postgres SET work_mem = 64 --'\n; COPY (SELECT 1) TO PROGRAM $$touch ${path}$$ --'\n;\n`,
    ],
  ])(
    '%s is not proven, and nothing is run',
    async (_how, code, sql) => {
      await using folder = await tempDir();
      await using elsewhere = await openFolder();
      const path = join(elsewhere.path, 'run');
      const { job, artefact } = await hostileBackup(folder, sql(path));
      await expect(proveByRestore(job, artefact, quietContext())).rejects.toMatchObject({ code });
      expect(existsSync(path)).toBe(false);
    },
    120_000,
  );

  it('by a command of psql runs nothing when it is restored by hand', async () => {
    await using folder = await tempDir();
    await using elsewhere = await openFolder();
    await using server = await TestPostgres.start();
    const path = join(elsewhere.path, 'run');
    const { artefact } = await hostileBackup(folder, `\\! touch ${path}\n\\unrestrict x\n\\! touch ${path}\n`);
    const { host, port, user, password = '' } = server.address();
    await promisify(execFile)('sh', ['-e', '-c', artefact.manifest.restore.join('\n')], {
      cwd: dirname(artefact.path),
      env: { PATH: '/usr/bin:/bin', PGHOST: host, PGPORT: String(port), PGUSER: user, PGPASSWORD: password },
    });
    expect(existsSync(path)).toBe(false);
    // It went on behind them to the end: the server has the password of the backup.
    await using client = await connect({ ...server.address(), password: source.password }, { applicationName: 'test' });
    expect((await client.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }]);
  }, 120_000);
});
