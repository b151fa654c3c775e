import { parseArgs } from 'node:util';
import { sampleConfiguration } from '../src/sample-target.js';
import { Stack } from '../src/stack.js';
import { benchOptions } from './bench-options.js';
import { folderMb } from './folder-size.js';
import { generatedServer } from './generated-cluster.js';
import type { Measured } from './measure.js';
import { pgBackRest, PGBACKREST_SETTINGS } from './pgbackrest.js';
import { report, row } from './report.js';
import { timedBackup } from './timed-backup.js';
import { timedShell } from './timed-shell.js';

/**
 * Increments against pgBackRest's at its best, after changes of three kinds. Interleaved rounds on one machine in one
 * run; medians. Ours is the whole way through the service, with the artefact read back. Look at the ratios.
 */
const { values } = parseArgs({
  options: {
    ...benchOptions('1.5'),
  },
});

const CHANGES = {
  'after 2 % in one place': (round: number) =>
    `UPDATE accounts SET balance = balance + 1
      WHERE id BETWEEN (SELECT max(id) * 0.02 * ${round} FROM accounts) AND (SELECT max(id) * 0.02 * ${round + 1} FROM accounts)`,
  'after 0.1 % all over': (round: number) => `UPDATE accounts SET balance = balance + 1 WHERE id % 1000 = ${round}`,
  'after 2 % all over': (round: number) => `UPDATE accounts SET balance = balance + 1 WHERE id % 50 = ${round}`,
} as const;

await using target = await generatedServer(values.gigabytes);
await using stack = await Stack.start(['backup-worker'], { SAMPLE_PASSWORD: target.password });
const config = {
  name: 'files',
  method: 'postgres-physical',
  compression: 'zstd',
  maxChain: 1000,
  resources: { cpuPercent: 100 },
};
await stack.configureBackups(sampleConfiguration(target, stack.home.join('storage'), config));
const best = await pgBackRest(target, stack.home.join('best'), PGBACKREST_SETTINGS.best);

await ours('full');
await peer('full');
const rows = [];
for (const [work, change] of Object.entries(CHANGES)) {
  const [mine, theirs]: Measured[][] = [[], []];
  for (let round = 0; round < Number(values.rounds); round++) {
    await using client = await target.client('shop');
    await client.query(change(round));
    // Otherwise whoever comes first pays for writing the changes out.
    await client.query('CHECKPOINT');
    mine?.push(await ours('incremental'));
    theirs?.push(await peer('incr'));
    process.stderr.write(`${JSON.stringify({ work, round, ours: mine?.at(-1), peer: theirs?.at(-1) })}\n`);
  }
  rows.push(row(work, 'by files, zstd 1, read back', 'pgBackRest, blocks, zst 1', mine ?? [], theirs ?? []));
}
await report(rows, values.json);

async function ours(level: string): Promise<Measured> {
  return (await timedBackup(stack, target, { config: 'files', level, verify: false })).measured;
}

async function peer(type: 'full' | 'incr'): Promise<Measured> {
  const before = folderMb(best.folder);
  const env = { ...process.env, PGPASSWORD: target.password };
  const size = () => Promise.resolve(folderMb(best.folder) - before);
  return timedShell(`${best.backup(type)} && sync -f '${best.folder}'`, { server: target.pid ?? 0, env, size });
}
