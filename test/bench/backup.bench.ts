import { rm, stat } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { PrivatePostgres } from '@hozen/dbms';
import { sampleConfiguration } from '../src/sample-target.js';
import { Stack } from '../src/stack.js';
import { benchOptions } from './bench-options.js';
import { generatedServer } from './generated-cluster.js';
import type { Measured } from './measure.js';
import { report, row } from './report.js';
import { timedBackup } from './timed-backup.js';
import { timedShell } from './timed-shell.js';

/**
 * Backup of a whole cluster against what BATCH-101 prescribes, `pg_dumpall | gzip`, and restore against `psql < dump`.
 * Interleaved rounds on one machine in one run; medians. Ours is the whole way through the service: published, claimed,
 * dumped, committed, read back. Look at the ratios.
 */
const { values } = parseArgs({
  options: {
    ...benchOptions('1.2'),
  },
});

await using target = await generatedServer(values.gigabytes);
await using stack = await Stack.start(['backup-worker'], { SAMPLE_PASSWORD: target.password });
const storage = stack.home.join('storage');
const resources = { cpuPercent: 100 };
await stack.configureBackups(sampleConfiguration(target, storage, { resources }));
const withZstd = { name: 'zstd', compression: 'zstd', resources };
await stack.configureBackups(sampleConfiguration(target, storage, withZstd));
const environment = {
  ...process.env,
  PGHOST: '127.0.0.1',
  PGPORT: String(target.port),
  PGUSER: 'postgres',
  PGPASSWORD: target.password,
};

const ours: Measured[] = [];
const zstd: Measured[] = [];
const proven: Measured[] = [];
const peer: Measured[] = [];
for (let round = 0; round < Number(values.rounds); round++) {
  for (const [name, figures, measure] of [
    ['pg_dumpall | gzip', peer, pgDumpAll],
    ['backup', ours, () => hozen({ verify: false })],
    ['backup with zstd', zstd, () => hozen({ config: 'zstd', verify: false })],
    ['backup and proof', proven, () => hozen({ verify: true })],
  ] as const) {
    const figure = await measure();
    figures.push(figure);
    process.stderr.write(`${JSON.stringify({ round, name, ...figure })}\n`);
  }
}
const dumpFile = stack.home.join('all.sql.gz');
await pgDumpAll();
const psql = await restoreWithPsql(dumpFile);
await report(
  [
    row('backup', 'gzip 1, parallel, read back', 'pg_dumpall | gzip', ours, peer),
    row('backup with zstd', 'zstd 1, parallel, read back', 'pg_dumpall | gzip', zstd, peer),
    row(
      'backup and restore',
      'backup, restore into a scratch server, comparison',
      'pg_dumpall | gzip; zcat | psql',
      proven,
      peer.map((each) => ({
        wall: each.wall + psql.wall,
        cpu: each.cpu + psql.cpu,
        peak: Math.max(each.peak, psql.peak),
        size: each.size,
      })),
    ),
  ],
  values.json,
);

async function hozen(request: { config?: string; verify: boolean }): Promise<Measured> {
  const { measured, run } = await timedBackup(stack, target, { config: 'nightly', ...request });
  await rm(run.artefact?.path ?? '');
  return measured;
}

async function pgDumpAll(): Promise<Measured> {
  const file = stack.home.join('all.sql.gz');
  return shell(`pg_dumpall | gzip > '${file}' && sync '${file}'`, target.pid ?? 0, file);
}

async function restoreWithPsql(file: string): Promise<Measured> {
  // Over its socket, where nobody asks for a password: the dump changes that of the superuser on the way.
  await using empty = await PrivatePostgres.start({
    dataDir: stack.home.join('empty', 'data'),
    scratch: true,
    settings: { shared_buffers: '512MB', max_wal_size: '8GB' },
  });
  const { host, port } = empty.address();
  // Awaited here: the server must outlive it.
  return await shell(`zcat '${file}' | psql -X -q -d postgres > /dev/null 2>&1`, empty.pid ?? 0, file, {
    PGHOST: host,
    PGPORT: String(port),
  });
}

function shell(command: string, server: number, file: string, env: NodeJS.ProcessEnv = {}): Promise<Measured> {
  const size = async () => (await stat(file)).size / 1e6;
  return timedShell(command, { server, env: { ...environment, ...env }, size });
}
