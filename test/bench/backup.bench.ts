import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { rm, stat } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import type { RunView } from '@hozen/contracts';
import { PrivatePostgres } from '@hozen/dbms';
import { TestPostgres } from '@hozen/testkit';
import { sampleConfiguration } from '../src/sample-target.js';
import { Stack } from '../src/stack.js';
import { generateCluster } from './generated-cluster.js';
import { cpuSeconds, median, peakMemoryMb, resetPeakMemory } from './measure.js';
import { report, type BenchRow } from './report.js';

/**
 * Backup of a whole cluster against what BATCH-101 prescribes, `pg_dumpall | gzip`, and restore against `psql < dump`.
 * Interleaved rounds on one machine in one run; medians. Ours is the whole way through the service: published, claimed,
 * dumped, committed, read back. Look at the ratios.
 */
const { values } = parseArgs({
  options: {
    json: { type: 'string' },
    gigabytes: { type: 'string', default: '1.2' },
    rounds: { type: 'string', default: '3' },
  },
});

interface Measured {
  wall: number;
  cpu: number;
  peak: number;
  size: number;
}

await using target = await TestPostgres.start({ settings: { shared_buffers: '512MB', max_wal_size: '8GB' } });
await generateCluster(target, Number(values.gigabytes));
await using stack = await Stack.start(['backup-worker'], { SAMPLE_PASSWORD: target.password });
const storage = stack.home.join('storage');
await stack.configureBackups(sampleConfiguration(target, storage));
await stack.configureBackups(sampleConfiguration(target, storage, { name: 'zstd', compression: 'zstd' }));
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
  const worker = stack.service('backup-worker');
  await resetPeakMemory(worker.pid);
  const cpuBefore = await cpuSeconds(worker.pid, target.pid ?? 0);
  const startedAt = performance.now();
  const id = await stack.request('backup.requested', { config: 'nightly', ...request });
  const run: RunView = await stack.runEnded(id, 1_800_000);
  const wall = (performance.now() - startedAt) / 1000;
  if (run.state !== 'completed' || !run.artefact) throw new Error(JSON.stringify(run.error));
  const cpu = (await cpuSeconds(worker.pid, target.pid ?? 0)) - cpuBefore;
  const peak = await peakMemoryMb(worker.pid);
  await rm(run.artefact.path);
  return { wall, cpu, peak, size: run.artefact.bytes / 1e6 };
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

async function shell(command: string, server: number, file: string, env: NodeJS.ProcessEnv = {}): Promise<Measured> {
  const serverBefore = await cpuSeconds(server);
  const startedAt = performance.now();
  const child = spawn('/usr/bin/time', ['-f', '%U %S %M', 'sh', '-c', command], {
    env: { ...environment, ...env },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let figures = '';
  child.stderr.on('data', (chunk: Buffer) => (figures += chunk.toString()));
  const [code] = (await once(child, 'close')) as [number];
  const wall = (performance.now() - startedAt) / 1000;
  if (code !== 0) throw new Error(`${command}: ${figures}`);
  const [user = 0, system = 0, kilobytes = 0] = (figures.trim().split('\n').at(-1) ?? '').split(' ').map(Number);
  const cpu = user + system + (await cpuSeconds(server)) - serverBefore;
  return { wall, cpu, peak: (kilobytes * 1024) / 1e6, size: (await stat(file)).size / 1e6 };
}

function row(work: string, oursName: string, peerName: string, mine: Measured[], theirs: Measured[]): BenchRow {
  const of = (figure: keyof Measured) => ({
    ours: median(mine.map((each) => each[figure])),
    peer: median(theirs.map((each) => each[figure])),
  });
  return {
    work,
    ours: oursName,
    peer: peerName,
    wallSeconds: of('wall'),
    cpuSeconds: of('cpu'),
    peakMb: of('peak'),
    sizeMb: of('size'),
  };
}
