import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { everyKindOfObject, tempDir, TestPostgres } from '@hozen/testkit';
import { describe, expect, it, vi } from 'vitest';
import { sampleConfiguration } from '../src/sample-target.js';
import { Stack } from '../src/stack.js';

const MAJORS = [17, 18] as const;
const binOf = (major: number) => process.env[`HOZEN_INTEROP_PG_BIN_${major}`];
/** The data directory in an artefact, with its list of files. */
function unpack(artefact: string, directory: string): string {
  mkdirSync(directory);
  const script = `tar -xOf "$1" --wildcards 'base.tar*' | tar -xf - -C "$2" &&
    tar -xOf "$1" --wildcards 'backup_manifest*' > "$2/backup_manifest"`;
  execFileSync('sh', ['-c', script, 'sh', artefact, directory], { stdio: 'pipe' });
  return directory;
}

const REASON = 'no newer PostgreSQL: name its programs in HOZEN_INTEROP_PG_BIN_<major>, or use `npm run interop`';

/** A server of that version with every kind of object. */
async function newerServer(major: number, bin: string, settings = {}): Promise<TestPostgres> {
  vi.stubEnv(`HOZEN_PG_BIN_${major}`, bin);
  try {
    const server = await TestPostgres.start({ major, settings });
    await everyKindOfObject(server);
    return server;
  } finally {
    vi.unstubAllEnvs();
  }
}

describe.each(MAJORS)('PostgreSQL %i', (major) => {
  it('is backed up, restored into a scratch server of its version and found equal', async (context) => {
    const bin = binOf(major) ?? context.skip(REASON);
    await using target = await newerServer(major, bin);
    await using stack = await Stack.start(['backup-worker'], {
      SAMPLE_PASSWORD: target.password,
      [`HOZEN_PG_BIN_${major}`]: bin,
    });
    await stack.configureBackups(sampleConfiguration(target, stack.home.join('storage')));
    const run = await stack.runEnded(await stack.request('backup.requested', { config: 'nightly' }), 180_000);
    expect(run.error).toBeUndefined();
    expect(run).toMatchObject({ state: 'completed', artefact: { proof: { level: 'restore' } } });
  }, 240_000);

  it.for([
    { summarize_wal: true, increment: 'server' },
    { summarize_wal: false, increment: 'page-lsn' },
  ])(
    'is copied in increments, known by $increment',
    { timeout: 240_000 },
    async ({ summarize_wal, increment }, context) => {
      const bin = binOf(major) ?? context.skip(REASON);
      await using target = await newerServer(major, bin, { summarize_wal });
      await using stack = await Stack.start(['backup-worker'], {
        SAMPLE_PASSWORD: target.password,
        [`HOZEN_PG_BIN_${major}`]: bin,
      });
      const files = { name: 'files', method: 'postgres-physical' };
      await stack.configureBackups(sampleConfiguration(target, stack.home.join('storage'), files));
      const paths: string[] = [];
      const backedUp = async (level: string, more = {}) => {
        const request = await stack.request('backup.requested', { config: 'files', level, ...more });
        const run = await stack.runEnded(request, 180_000);
        expect(run.error).toBeUndefined();
        expect(run).toMatchObject({ state: 'completed', level, artefact: { proof: { level: 'restore' } } });
        paths.push(run.artefact?.path ?? '');
        return JSON.parse(await readFile(run.artefact?.manifestPath ?? '', 'utf8')) as Record<string, unknown>;
      };
      await backedUp('full');
      for (const round of [1, 2]) {
        await using client = await target.client();
        await client.query(`CREATE TABLE round_${round} AS SELECT i AS id FROM generate_series(1, 20000) i`);
        await client.query(`DELETE FROM round_1 WHERE id % 100 = ${round}`);
        expect(await backedUp('incremental')).toMatchObject({ physical: { increment } });
      }
      const combined = await backedUp('full', { synthetic: true });
      expect(combined).toMatchObject({ warnings: [], physical: { increment: 'none', combined: {} } });
      // Ours are no increments to PostgreSQL: their labels do not say so.
      if (increment === 'page-lsn') return;
      await using folder = await tempDir();
      const [made = '', ...chain] = paths.toReversed();
      const unpacked = chain.toReversed().map((path, index) => unpack(path, folder.join(`part-${index}`)));
      execFileSync(join(bin, 'pg_combinebackup'), ['-o', folder.join('theirs'), ...unpacked], { stdio: 'pipe' });
      const ours = unpack(made, folder.join('ours'));
      // The list has times, and is written in another order.
      const differences = spawnSync('diff', [
        '-r',
        '-x',
        'backup_manifest',
        '-x',
        'pg_tblspc',
        '-x',
        '*.done',
        ours,
        folder.join('theirs'),
      ]);
      expect(differences.stdout.toString()).toBe('');
    },
  );

  it('is refused at once where only older programs are installed, with what to install', async (context) => {
    const bin = binOf(major) ?? context.skip(REASON);
    await using target = await newerServer(major, bin);
    await using stack = await Stack.start(['backup-worker'], { SAMPLE_PASSWORD: target.password });
    await stack.configureBackups(sampleConfiguration(target, stack.home.join('storage')));
    const run = await stack.runEnded(await stack.request('backup.requested', { config: 'nightly' }), 60_000);
    expect(run).toMatchObject({ state: 'failed', error: { code: 'TOOL_TOO_OLD' }, attempts: [{ status: 'failure' }] });
    expect(run.error?.hint).toContain(`Install client programs of version ${major}`);
  }, 120_000);
});
