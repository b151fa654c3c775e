import { writeFile } from 'node:fs/promises';
import type { RestoreView, VerificationKind, VerificationView } from '@hozen/contracts';
import { tempDir, TestPostgres } from '@hozen/testkit';
import { sampleConfiguration } from '../src/sample-target.js';
import { Stack } from '../src/stack.js';
import { requested } from './ended.js';
import { folderMb } from './folder-size.js';
import { generatedServer } from './generated-cluster.js';
import { cpuSeconds, peakMemoryMb, resetPeakMemory, type Measured } from './measure.js';
import { row, type BenchRow } from './report.js';
import { timedBackup } from './timed-backup.js';
import { timedShell } from './timed-shell.js';

/** As people give theirs; commits reach the disk. */
const SETTINGS = { shared_buffers: '512MB', max_wal_size: '8GB', fsync: 'on' };

/** As people are told to do after each of them. */
const ANALYZE = 'vacuumdb --all --analyze-only --quiet --jobs=2';

/**
 * Restore of a dump of a whole cluster into an empty server that runs, against `psql < dump` and `pg_restore -j` with as
 * many jobs, all with statistics. Each has a new server in each round. Ours is the whole way through the service, with every row
 * compared. And the proofs of the same dump: in a scratch server, against the same peers, and read back whole, against what reads the
 * other one.
 */
export async function restoresOfDumps({
  gigabytes,
  rounds,
}: {
  gigabytes: string;
  rounds: string;
}): Promise<BenchRow[]> {
  await using source = await generatedServer(gigabytes);
  await using stack = await Stack.start(['backup-worker'], { SAMPLE_PASSWORD: source.password });
  await using dumps = await tempDir();
  const config = { compression: 'zstd', jobs: 2, resources: { cpuPercent: 100 } };
  await stack.configureBackups(sampleConfiguration(source, stack.home.join('storage'), config));
  await timedBackup(stack, source, { config: 'nightly', verify: false });
  const shell = (command: string, server: TestPostgres) => {
    const { host, port, user } = server.address();
    const env = { ...process.env, PGHOST: host, PGPORT: String(port), PGUSER: user, PGPASSWORD: server.password };
    return timedShell(command, { server: server.pid ?? 0, env, size: () => Promise.resolve(folderMb(server.dataDir)) });
  };
  // What a role of the same name has as its password in the source is of no use in between.
  await shell(`pg_dumpall --no-role-passwords | gzip > '${dumps.join('all.sql.gz')}'`, source);
  for (const name of ['shop', 'archive']) await shell(`pg_dump -Fd -j2 -f '${dumps.join(name)}' ${name}`, source);

  const intoNew = async (restore: (server: TestPostgres) => Promise<Measured>): Promise<Measured> => {
    await using server = await TestPostgres.start({ settings: SETTINGS });
    return await restore(server);
  };
  const figures = {
    hozen: [] as Measured[],
    psql: [] as Measured[],
    pg_restore: [] as Measured[],
    full: [] as Measured[],
    spot: [] as Measured[],
    gzip: [] as Measured[],
  };
  for (let round = 0; round < Number(rounds); round++) {
    for (const [name, restore] of [
      [
        'psql',
        (server) => shell(`zcat '${dumps.join('all.sql.gz')}' | psql -X -q -d postgres 2>&1; ${ANALYZE}`, server),
      ],
      ['pg_restore', (server) => shell(`${pgRestore(dumps.path)} && ${ANALYZE}`, server)],
      ['hozen', (server) => ours(stack, server)],
    ] as [keyof typeof figures, (server: TestPostgres) => Promise<Measured>][]) {
      const measured = await intoNew(restore);
      figures[name].push(measured);
      process.stderr.write(`${JSON.stringify({ work: 'restore of a dump', round, name, ...measured })}\n`);
    }
    for (const [name, prove] of [
      ['full', () => proven(stack, 'full')],
      ['spot', () => proven(stack, 'spot')],
      ['gzip', () => shell(`gzip -t '${dumps.join('all.sql.gz')}'`, source)],
    ] as [keyof typeof figures, () => Promise<Measured>][]) {
      const measured = await prove();
      figures[name].push(measured);
      process.stderr.write(`${JSON.stringify({ work: 'proof of a dump', round, name, ...measured })}\n`);
    }
  }
  const work = 'restore of a dump into a running server';
  return [
    row(work, 'two jobs, compared', 'zcat | psql', figures.hozen, figures.psql),
    row(work, 'two jobs, compared', 'pg_restore -j2', figures.hozen, figures.pg_restore),
    row('proof in a scratch server', 'two jobs, compared', 'zcat | psql', figures.full, figures.psql),
    row('proof in a scratch server', 'two jobs, compared', 'pg_restore -j2', figures.full, figures.pg_restore),
    row('proof by reading', 'sums, structure', 'gzip -t', figures.spot, figures.gzip),
  ];
}

function pgRestore(dumps: string): string {
  return ['shop', 'archive'].map((name) => `pg_restore -j2 --create -d postgres '${dumps}/${name}'`).join(' && ');
}

async function ours(stack: Stack, server: TestPostgres): Promise<Measured> {
  const worker = stack.service('backup-worker');
  const name = `empty-${server.address().port}`;
  const { host, port, user } = server.address();
  const password = stack.home.join(name);
  await writeFile(password, server.password, { mode: 0o600 });
  await stack.configureBackups({
    targets: [{ name, kind: 'postgres', host, port, user, sslMode: 'disable', password: `file:${password}` }],
    configs: [],
  });
  await resetPeakMemory(worker.pid);
  const before = await cpuSeconds(worker.pid, server.pid ?? 0);
  const startedAt = performance.now();
  const id = await requested(stack, 'restore', { config: 'nightly', target: name, whole: true });
  const wall = (performance.now() - startedAt) / 1000;
  const view = await stack.get<RestoreView>('backup-worker', `/restores/${id}`);
  if (view.error) throw new Error(JSON.stringify(view.error));
  const cpu = (await cpuSeconds(worker.pid, server.pid ?? 0)) - before;
  return { wall, cpu, peak: await peakMemoryMb(worker.pid), size: folderMb(server.dataDir) };
}

/** The backup that stands, once more. */
async function proven(stack: Stack, kind: VerificationKind): Promise<Measured> {
  const worker = stack.service('backup-worker');
  await resetPeakMemory(worker.pid);
  const before = await cpuSeconds(worker.pid);
  const startedAt = performance.now();
  const id = await requested(stack, 'verification', { config: 'nightly', kind });
  const wall = (performance.now() - startedAt) / 1000;
  const view = await stack.get<VerificationView>('backup-worker', `/verifications/${id}`);
  if (view.state !== 'completed') throw new Error(JSON.stringify(view.error));
  const cpu = (await cpuSeconds(worker.pid)) - before;
  return { wall, cpu, peak: await peakMemoryMb(worker.pid), size: 0 };
}
