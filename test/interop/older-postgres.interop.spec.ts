import { readFile } from 'node:fs/promises';
import type { BackupConfiguration, RunView } from '@hozen/contracts';
import { connect, PrivatePostgres } from '@hozen/dbms';
import { tempDir, TestPostgres } from '@hozen/testkit';
import { describe, expect, it, vi, type TestContext } from 'vitest';
import { sampleConfiguration } from '../src/sample-target.js';
import { Stack } from '../src/stack.js';

const BIN = process.env['HOZEN_INTEROP_PG_BIN_13'];
const REASON = 'no PostgreSQL 13: name its programs in HOZEN_INTEROP_PG_BIN_13, or use `npm run interop`';
const WITHOUT_14 = 'no release of Debian has PostgreSQL 14; it speaks the replication protocol of 13';

/** A server of version 13 with a few rows, and its bin folder for workers. */
async function olderServer(context: TestContext): Promise<{ target: TestPostgres; bin: string }> {
  const bin = BIN ?? context.skip(REASON);
  vi.stubEnv('HOZEN_PG_BIN_13', bin);
  try {
    const target = await TestPostgres.start({ major: 13, initdbArgs: ['--data-checksums'] });
    await using client = await target.client();
    const { rows } = await client.query<{ version: string }>(`SELECT current_setting('server_version') AS version`);
    expect(rows[0]?.version).toMatch(/^13\./);
    await client.query(
      'CREATE TABLE treasure AS SELECT i AS id, md5(i::text) AS t FROM generate_series(1, 20000) AS i',
    );
    await client.query('CREATE INDEX ON treasure (id)');
    return { target, bin };
  } finally {
    vi.unstubAllEnvs();
  }
}

async function backedUp(stack: Stack, config: string, level?: string): Promise<RunView> {
  const request = { config, ...(level ? { level } : {}) };
  const run = await stack.runEnded(await stack.request('backup.requested', request), 180_000);
  expect(run.error).toBeUndefined();
  expect(run.state).toBe('completed');
  return run;
}

async function rowsIn(directory: string, bin: string): Promise<number> {
  vi.stubEnv('HOZEN_PG_BIN_13', bin);
  try {
    await using server = await PrivatePostgres.start({ dataDir: directory, major: 13 });
    await using client = await connect(server.address(), { applicationName: 'test' });
    const { rows } = await client.query<{ count: number }>('SELECT count(*)::int AS count FROM treasure');
    return rows[0]?.count ?? -1;
  } finally {
    vi.unstubAllEnvs();
  }
}

describe('PostgreSQL 13', () => {
  it(
    'is dumped with its own programs where that is allowed, restored into a scratch server and found equal',
    { timeout: 240_000 },
    async (context) => {
      const { target, bin } = await olderServer(context);
      await using _ = target;
      await using stack = await Stack.start(['backup-worker'], {
        SAMPLE_PASSWORD: target.password,
        HOZEN_PG_BIN_13: bin,
        HOZEN_ALLOW_UNPATCHED: '1',
      });
      await stack.configureBackups(sampleConfiguration(target, stack.home.join('storage')));
      expect(await backedUp(stack, 'nightly')).toMatchObject({ artefact: { proof: { level: 'restore' } } });
    },
  );

  it.for(['files', 'server'] as const)(
    'is copied in full, in increments and with its log, and restored to a moment (copied by %s)',
    { timeout: 400_000 },
    async (copyBy, context) => {
      const { target, bin } = await olderServer(context);
      await using _ = target;
      await using restored = await tempDir();
      await using stack = await Stack.start(['backup-worker'], {
        SAMPLE_PASSWORD: target.password,
        HOZEN_RESTORE_FOLDERS: restored.path,
        HOZEN_PG_BIN_13: bin,
      });
      const storage = stack.home.join('storage');
      const configured = (config: object) => sampleConfiguration(target, storage, config) as BackupConfiguration;
      const files = configured({ name: 'files', method: 'postgres-physical', copyBy });
      const wal = configured({ name: 'wal', method: 'postgres-wal', level: 'transaction_log' });
      await stack.configureBackups({ targets: files.targets, configs: [...files.configs, ...wal.configs] });
      await using client = await target.client();
      await backedUp(stack, 'wal');
      const full = await backedUp(stack, 'files', 'full');
      expect(full).toMatchObject({ level: 'full', artefact: { proof: { level: 'restore' } } });
      await client.query('DELETE FROM treasure WHERE id % 100 = 0');
      const increment = await backedUp(stack, 'files', 'incremental');
      expect(increment).toMatchObject({ level: 'incremental', artefact: { proof: { level: 'restore' } } });
      const manifest: unknown = JSON.parse(await readFile(increment.artefact?.manifestPath ?? '', 'utf8'));
      expect(manifest).toMatchObject({ physical: { increment: 'page-lsn' } });
      await client.query('DELETE FROM treasure WHERE id % 100 = 1');
      await client.query(`SELECT pg_create_restore_point('the moment')`);
      await client.query('DELETE FROM treasure');
      await backedUp(stack, 'wal');
      const directory = restored.join('moment');
      const request = { config: 'files', directory, point: { restorePoint: 'the moment' } };
      const restore = await stack.restoreEnded(await stack.request('restore.requested', request), 180_000);
      expect(restore.error).toBeUndefined();
      await target.stop();
      expect(await rowsIn(directory, bin)).toBe(19_600);
    },
  );
});

it.skip(`PostgreSQL 14 is copied and restored (${WITHOUT_14})`);
