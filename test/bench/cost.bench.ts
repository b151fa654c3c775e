import { execFileSync } from 'node:child_process';
import { rm } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { sampleConfiguration } from '../src/sample-target.js';
import { Stack } from '../src/stack.js';
import { benchOptions } from './bench-options.js';
import { generatedServer } from './generated-cluster.js';
import type { Measured } from './measure.js';
import { report, row } from './report.js';
import { timedBackup } from './timed-backup.js';

/**
 * What encryption and a second storage cost: each against the same backup without, in interleaved rounds. The second storage is
 * a folder on the same disk, which then writes twice as much.
 */
const { values } = parseArgs({
  options: {
    ...benchOptions('1.2'),
  },
});

await using target = await generatedServer(values.gigabytes);
await using stack = await Stack.start(['backup-worker'], { SAMPLE_PASSWORD: target.password });
const recipient = /age1\w+/.exec(execFileSync('age-keygen', { stdio: ['ignore', 'pipe', 'ignore'] }).toString())?.[0];
const KINDS = {
  plain: {},
  encrypted: { encryption: { recipients: [recipient] } },
  twice: { secondaryStorage: { kind: 'file', path: stack.home.join('second') } },
} as const;
type Kind = keyof typeof KINDS;
const METHODS = ['postgres-logical', 'postgres-physical'] as const;

const rows = [];
for (const method of METHODS) {
  for (const [kind, options] of Object.entries(KINDS)) {
    const about = {
      name: `${method} ${kind}`,
      method,
      compression: 'zstd',
      resources: { cpuPercent: 100 },
      ...options,
    };
    await stack.configureBackups(sampleConfiguration(target, stack.home.join('storage'), about));
  }
  const figures: Record<Kind, Measured[]> = { plain: [], encrypted: [], twice: [] };
  for (let round = 0; round < Number(values.rounds); round++) {
    for (const kind of Object.keys(KINDS) as Kind[]) {
      const { measured, run } = await timedBackup(stack, target, { config: `${method} ${kind}`, verify: false });
      figures[kind].push(measured);
      process.stderr.write(`${JSON.stringify({ method, round, kind, ...measured })}\n`);
      await rm(run.artefact?.path ?? '');
    }
    await rm(stack.home.join('second'), { recursive: true });
  }
  rows.push(
    row(method, 'encrypted', 'not encrypted', figures.encrypted, figures.plain),
    row(method, 'into two storages', 'into one', figures.twice, figures.plain),
  );
}
await report(rows, values.json);
