import { mkdirSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { giveToServer } from '@hozen/dbms';
import { tempDir, TestPostgres, type TempDir } from '@hozen/testkit';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { newSigning } from '../../artefact/signing.fixture.js';
import { BackupSeries, type MadeBackup } from '../../backup-series.fixture.js';
import { newIdentity } from '../../encryption/age.fixture.js';
import type { BackupJob } from '../../job.js';
import { chainOf } from '../../restore/chain.js';
import { contentOf, expectProven, restoredByHand } from './physical.fixture.js';

let server: TestPostgres;
beforeAll(async () => {
  server = await TestPostgres.start({ initdbArgs: ['--data-checksums'] });
});
afterAll(() => server[Symbol.asyncDispose]());

let folder: TempDir;
beforeEach(async () => {
  folder = await tempDir();
  const place = folder.join('space');
  mkdirSync(place);
  await giveToServer(place);
  await using client = await server.client();
  await client.query(`CREATE TABLESPACE elsewhere LOCATION '${place}'`);
  await client.query(`
    CREATE TABLE steady TABLESPACE elsewhere AS SELECT i AS id, md5(i::text) AS text FROM generate_series(1, 30000) i;
    CREATE TABLE busy AS SELECT i AS id, 0 AS n, md5(i::text) AS text FROM generate_series(1, 20000) i;
    CREATE TABLE fleeting AS SELECT 1 AS id`);
});
afterEach(async () => {
  await using client = await server.client();
  await client.query('DROP TABLE IF EXISTS steady, busy, fleeting');
  await client.query('DROP TABLESPACE elsewhere');
  await folder[Symbol.asyncDispose]();
});

async function change(): Promise<void> {
  await using client = await server.client();
  await client.query(`
    UPDATE busy SET n = n + 1 WHERE id % 50 = 0;
    UPDATE steady SET text = 'new' WHERE id % 1000 = 0;
    DROP TABLE IF EXISTS fleeting;
    DELETE FROM busy WHERE id > 15000`);
  await client.query('VACUUM busy');
}

/** Nobody listens there. */
function nowhere(job: BackupJob): void {
  job.synthetic = true;
  Object.assign(job.target, { port: 1 });
}

describe('a full backup of files that is combined from earlier ones', () => {
  let adapt: (job: BackupJob) => unknown;
  let backups: BackupSeries;
  beforeEach(() => {
    adapt = () => undefined;
    backups = new BackupSeries(server.address(), folder.path, (job) => adapt(job));
  });

  async function chainOfThree(): Promise<MadeBackup> {
    await backups.make('full');
    await change();
    await backups.make('incremental');
    await change();
    return backups.make('incremental');
  }

  it('is what the last of them is, needs none of them, and does not ask the server', async () => {
    const last = await chainOfThree();
    const content = await contentOf(server.address());
    await change();
    adapt = nowhere;
    const combined = await backups.make('full');
    const { manifest } = combined.artefact;
    expect(manifest).toMatchObject({
      level: 'full',
      warnings: [],
      databases: last.artefact.manifest.databases,
      tablespaces: [{ name: 'elsewhere' }],
      physical: {
        increment: 'none',
        startLsn: last.artefact.manifest.physical?.startLsn,
        endLsn: last.artefact.manifest.physical?.endLsn,
        combined: { runId: last.job.runId, at: last.artefact.manifest.committedAt },
      },
    });
    expect(await chainOf(combined.artefact, combined.job.config)).toHaveLength(1);
    await expectProven(combined);
    expect(await restoredByHand(folder.path, [combined.artefact.path])).toEqual(content);
  });

  it('can be built on, and combined again', async () => {
    const last = await chainOfThree();
    adapt = nowhere;
    const first = await backups.make('full');
    adapt = () => undefined;
    await change();
    const increment = await backups.make('incremental');
    expect(increment.artefact.manifest.physical?.parent?.runId).toBe(first.job.runId);
    await expectProven(increment);
    adapt = nowhere;
    const second = await backups.make('full');
    expect(second.artefact.manifest.physical?.combined).toEqual({
      runId: increment.job.runId,
      at: increment.artefact.manifest.committedAt,
    });
    expect(first.artefact.manifest.physical?.combined?.runId).toBe(last.job.runId);
    await expectProven(second);
    expect(await restoredByHand(folder.path, [second.artefact.path])).toEqual(await contentOf(server.address()));
  });

  it('is copied from the server where there is nothing to combine, and says why', async () => {
    adapt = (job) => (job.synthetic = true);
    const first = await backups.make('full');
    expect(first.artefact.manifest).toMatchObject({ level: 'full', warnings: [expect.stringMatching(/no earlier/)] });
    const second = await backups.make('full');
    expect(second.artefact.manifest.warnings).toEqual([expect.stringMatching(/newest backup is a full one/)]);
    expect(second.artefact.manifest.physical?.combined).toBeUndefined();
    await expectProven(second);
  });

  it('fails where one of them is not what was signed', async () => {
    const signing = newSigning(folder.join('key.pem'));
    // Not compressed: nothing but sums would tell a changed byte.
    const signed = (job: BackupJob) => {
      job.compress = false;
      job.config.signing = signing;
    };
    adapt = signed;
    const { artefact } = await chainOfThree();
    const file = await open(artefact.path, 'r+');
    await file.write(Buffer.from([0xff]), 0, 1, Math.floor(artefact.bytes / 3));
    await file.close();
    adapt = (job) => {
      signed(job);
      nowhere(job);
    };
    await expect(backups.make('full')).rejects.toMatchObject({ code: 'ARTEFACT_CORRUPT' });
  });

  it('fails where nobody here can read them, before anything is done', async () => {
    const encryption = { recipients: [newIdentity().recipient] };
    adapt = (job) => (job.config.encryption = encryption);
    await chainOfThree();
    adapt = (job) => {
      job.config.encryption = encryption;
      nowhere(job);
    };
    const phases: string[] = [];
    const making = backups.make('full', { progress: ({ phase }) => phases.push(phase) });
    await expect(making).rejects.toMatchObject({ code: 'IDENTITY_MISSING' });
    expect(phases).toEqual([]);
  });
});
