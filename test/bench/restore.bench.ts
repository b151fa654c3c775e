import { open, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { TokenFile } from '@hozen/access';
import type { RestoreView } from '@hozen/contracts';
import { tempDir } from '@hozen/testkit';
import { sampleConfiguration } from '../src/sample-target.js';
import { Stack } from '../src/stack.js';
import { benchOptions } from './bench-options.js';
import { ended, requested } from './ended.js';
import { folderMb } from './folder-size.js';
import { generatedServer } from './generated-cluster.js';
import { cpuSeconds, peakMemoryMb, resetPeakMemory, type Measured } from './measure.js';
import { pgBackRest, PGBACKREST_SETTINGS } from './pgbackrest.js';
import { report, row, type BenchRow } from './report.js';
import { restoresOfDumps } from './restored-dumps.js';
import { timedBackup } from './timed-backup.js';
import { timedShell } from './timed-shell.js';

/**
 * Restore of a dump against psql and pg_restore; of a copy of files into a new folder against pgBackRest's at its best: of a full backup, of one with six
 * increments on it, and of differences over what stands there: where nothing differs, and where one page in fifty does. Interleaved rounds on one machine in one run; medians. Ours is the whole way through the service, with
 * every file compared with the server's list, and synced. Look at the ratios.
 */
const { values } = parseArgs({
  options: {
    ...benchOptions('1.5'),
    /** `dumps`, `files`, or `differences`. */
    only: { type: 'string', default: 'all' },
  },
});
const INCREMENTS = 6;
const wants = (part: string) => values.only === part || values.only === 'all';

const rows: BenchRow[] = [];
if (wants('dumps')) rows.push(...(await restoresOfDumps(values)));

await using target = await generatedServer(values.gigabytes);
await using restored = await tempDir();
const tokens = new TokenFile(restored.join('tokens.json'));
await using stack = await Stack.start(['backup-worker'], {
  SAMPLE_PASSWORD: target.password,
  HOZEN_RESTORE_FOLDERS: restored.path,
  HOZEN_TOKENS_FILE: restored.join('tokens.json'),
});
const [asking, approving] = [await tokens.create('asking', 'dba'), await tokens.create('approving', 'dba')];
stack.token = asking;
const config = { name: 'files', method: 'postgres-physical', compression: 'zstd', resources: { cpuPercent: 100 } };
await stack.configureBackups(sampleConfiguration(target, stack.home.join('storage'), config));
const best = await pgBackRest(target, stack.home.join('best'), PGBACKREST_SETTINGS.best);
const env = { ...process.env, PGPASSWORD: target.password };
const size = () => Promise.resolve(folderMb(target.dataDir));

for (const [work, increments] of [
  ['restore of a full copy', 0],
  [`restore of a full copy and ${INCREMENTS} increments`, INCREMENTS],
] as const) {
  if (!wants('files')) break;
  await backUp('full');
  for (let n = 0; n < increments; n++) {
    await using client = await target.client('shop');
    await client.query(`UPDATE accounts SET balance = balance + 1 WHERE id % 1000 = ${n}`);
    await client.query('CHECKPOINT');
    await backUp('incremental');
  }
  const [mine, theirs]: [Measured[], Measured[]] = [[], []];
  for (let round = 0; round < Number(values.rounds); round++) {
    mine.push(await ours(`ours-${increments}-${round}`));
    theirs.push(await peer(`peer-${increments}-${round}`));
    process.stderr.write(`${JSON.stringify({ work, round, ours: mine.at(-1), peer: theirs.at(-1) })}\n`);
  }
  rows.push(row(work, 'compared and synced', 'pgBackRest, zst 1, bundled', mine, theirs));
}
if (wants('differences')) rows.push(...(await differences()));
await report(rows, values.json);

/** Over the same directories again and again; the same pages are changed in both. */
async function differences(): Promise<BenchRow[]> {
  await backUp('full');
  const [mine, theirs] = [restored.join('ours-delta'), restored.join('peer-delta')];
  await requested(stack, 'restore', { config: 'files', directory: mine });
  await timedShell(`mkdir '${theirs}' && ${best.restore(theirs)}`, { server: target.pid ?? 0, env, size });
  const found: BenchRow[] = [];
  for (const [work, every] of [
    ['restore of differences, nothing differs', undefined],
    ['restore of differences, 2 % of pages differ', 50],
  ] as const) {
    const [ours, peers]: [Measured[], Measured[]] = [[], []];
    for (let round = 0; round < Number(values.rounds); round++) {
      if (every !== undefined) for (const directory of [mine, theirs]) await changePages(directory, every, round);
      ours.push(await ourDelta(mine));
      const command = `${best.restore(theirs, true)} && sync -f '${theirs}'`;
      const measured = await timedShell(command, {
        server: target.pid ?? 0,
        env,
        size: () => Promise.resolve(folderMb(theirs)),
      });
      peers.push(measured);
      process.stderr.write(`${JSON.stringify({ work, round, ours: ours.at(-1), peer: measured })}\n`);
    }
    found.push(row(work, 'compared and synced', 'pgBackRest --delta', ours, peers));
  }
  return found;
}

async function ourDelta(directory: string): Promise<Measured> {
  const worker = stack.service('backup-worker');
  await resetPeakMemory(worker.pid);
  const cpuBefore = await cpuSeconds(worker.pid);
  const startedAt = performance.now();
  const { id, requestId, planHash } = await stack.post<RestoreView>('backup-worker', '/restores', {
    config: 'files',
    directory,
    delta: true,
  });
  stack.token = approving;
  await stack.post('backup-worker', `/restores/${id}/approve`, { planHash });
  stack.token = asking;
  await ended(stack, 'restore', requestId);
  const wall = (performance.now() - startedAt) / 1000;
  const view = await restoreOf(requestId);
  if (view.error) throw new Error(JSON.stringify(view.error));
  const cpu = (await cpuSeconds(worker.pid)) - cpuBefore;
  return { wall, cpu, peak: await peakMemoryMb(worker.pid), size: folderMb(directory) };
}

/** One page in so many of each larger file becomes another one, as if rows had been changed since. */
async function changePages(directory: string, every: number, round: number): Promise<void> {
  for (const entry of await readdir(join(directory, 'base'), { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    await using file = await open(join(entry.parentPath, entry.name), 'r+');
    const { size: bytes } = await file.stat();
    for (let page = round + 1; (page + 1) * 8192 <= bytes; page += every) {
      await file.write(Buffer.alloc(64, round + 1), 0, 64, page * 8192 + 4096);
    }
  }
}

async function backUp(level: 'full' | 'incremental'): Promise<void> {
  await timedBackup(stack, target, { config: 'files', level, verify: false });
  const command = best.backup(level === 'full' ? 'full' : 'incr');
  await timedShell(command, { server: target.pid ?? 0, env, size });
}

async function ours(name: string): Promise<Measured> {
  const worker = stack.service('backup-worker');
  const directory = restored.join(name);
  await resetPeakMemory(worker.pid);
  const cpuBefore = await cpuSeconds(worker.pid);
  const startedAt = performance.now();
  const request = await requested(stack, 'restore', { config: 'files', directory });
  const wall = (performance.now() - startedAt) / 1000;
  const view = await restoreOf(request);
  if (view.error) throw new Error(JSON.stringify(view.error));
  const cpu = (await cpuSeconds(worker.pid)) - cpuBefore;
  const measured = { wall, cpu, peak: await peakMemoryMb(worker.pid), size: folderMb(directory) };
  await rm(directory, { recursive: true });
  return measured;
}

function restoreOf(request: string): Promise<RestoreView> {
  return stack.get<RestoreView>('backup-worker', `/restores/${request}`);
}

async function peer(name: string): Promise<Measured> {
  const directory = restored.join(name);
  const command = `mkdir '${directory}' && ${best.restore(directory)} && sync -f '${directory}'`;
  const measured = await timedShell(command, {
    server: target.pid ?? 0,
    env,
    size: () => Promise.resolve(folderMb(directory)),
  });
  await rm(directory, { recursive: true });
  return measured;
}
