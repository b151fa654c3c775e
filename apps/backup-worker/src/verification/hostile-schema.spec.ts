import { chmod, mkdir, rm, symlink, writeFile } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { basename } from 'node:path';
import { findProgram, whyUnconfined } from '@hozen/dbms';
import { tempDir, TestPostgres, type TempDir } from '@hozen/testkit';
import { afterAll, afterEach, beforeAll, expect, it, vi } from 'vitest';
import { backUp, jobFor, quietContext } from '../backup.fixture.js';
import type { BackupJob } from '../job.js';
import { runBackup } from '../runs/run-backup.js';
import type { CommittedArtefact } from '../storage/committed-artefact.js';
import { proveByRestore } from './prove-by-restore.js';

let folder: TempDir;
let source: TestPostgres;
let job: BackupJob;
let artefact: CommittedArtefact;
let canary: string;
beforeAll(async () => {
  folder = await tempDir();
  // Nothing but the sandbox keeps the server's user out.
  await chmod(folder.path, 0o777);
  canary = folder.join('canary');
  const secret = folder.join('secret');
  await writeFile(secret, 'the key', { mode: 0o644 });
  source = await TestPostgres.start();
  await using client = await source.client();
  // What a restore fills, it has made by functions of the backup, as a superuser.
  await client.query(`
    CREATE FUNCTION steal() RETURNS text LANGUAGE plpgsql AS $$
    BEGIN
      EXECUTE $sql$COPY (SELECT pg_read_file('${secret}')) TO PROGRAM 'cat > ${canary}'$sql$;
      RETURN 'done';
    EXCEPTION WHEN OTHERS THEN RETURN 'refused';
    END $$;
    CREATE MATERIALIZED VIEW stolen AS SELECT steal()`);
  expect(existsSync(canary)).toBe(true);
  await rm(canary);
  job = jobFor(source.address(), folder.join('storage'));
  artefact = await backUp(job);
}, 120_000);
afterEach(async () => {
  vi.unstubAllEnvs();
  await rm(canary, { force: true });
});
afterAll(async () => {
  await source[Symbol.asyncDispose]();
  await folder[Symbol.asyncDispose]();
});

const missing = await whyUnconfined();

it.skipIf(missing !== undefined)(
  'what runs on the server of a proof reads no file of the worker, and writes none',
  async () => {
    await expect(proveByRestore(job, artefact, quietContext())).resolves.toMatchObject({ level: 'restore' });
    expect(existsSync(canary)).toBe(false);
  },
  120_000,
);

it('without a sandbox it reads and writes whatever the user of that server may', async () => {
  vi.stubEnv('HOZEN_SANDBOX', 'off');
  await proveByRestore(job, artefact, quietContext());
  expect(existsSync(canary)).toBe(true);
}, 120_000);

/** A worker on whose machine bubblewrap is not installed. */
async function withoutBubblewrap(): Promise<void> {
  const bin = folder.join('bin');
  await mkdir(bin, { recursive: true });
  for (const program of ['setpriv', 'sort', 'chown', 'find']) {
    const path = findProgram(program) ?? '';
    await symlink(path, folder.join('bin', basename(path))).catch(() => undefined);
  }
  vi.stubEnv('PATH', bin);
}

it('nothing is proven where a sandbox is required and cannot be had, and the backup is kept as unproven', async () => {
  await withoutBubblewrap();
  vi.stubEnv('HOZEN_SANDBOX', 'require');
  // An artefact that stands already is proven, and not made again.
  const checking = Promise.reject(new Error('asked'));
  checking.catch(() => undefined);
  const result = await runBackup({ ...job, proof: 'restore' }, checking, quietContext());
  expect(result).toMatchObject({ proof: { level: 'checksum' }, unproven: { code: 'SANDBOX_MISSING' } });
  expect(result.warnings.join()).toContain('HOZEN_SANDBOX requires it');
  expect(existsSync(canary)).toBe(false);
}, 120_000);

it('a proof without a sandbox that could not be had says so', async () => {
  await withoutBubblewrap();
  const checking = Promise.reject(new Error('asked'));
  checking.catch(() => undefined);
  const result = await runBackup({ ...job, proof: 'restore' }, checking, quietContext());
  expect(result.proof.level).toBe('restore');
  expect(result.warnings.join()).toContain(
    'not held in a sandbox, because the worker has none: bwrap is not installed',
  );
}, 120_000);
