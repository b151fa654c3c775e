import { rm } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { findProgram } from '@hozen/dbms';
import { sampleConfiguration } from '../src/sample-target.js';
import { Stack } from '../src/stack.js';
import { benchOptions } from './bench-options.js';
import { ARCHIVING, barman } from './barman.js';
import { folderMb } from './folder-size.js';
import { generatedServer } from './generated-cluster.js';
import type { Measured } from './measure.js';
import { pgBackRest, PGBACKREST_SETTINGS } from './pgbackrest.js';
import { restic } from './restic.js';
import { report, row } from './report.js';
import { timedBackup } from './timed-backup.js';
import { timedShell } from './timed-shell.js';

/**
 * A full copy of a server's files against pgBackRest (as most set it up, and at its best), pg_basebackup compressing
 * on the server, and, where they are installed, Barman at its best and restic. Interleaved rounds on one machine in one run; medians. Ours is
 * the whole way through the service, with the artefact read back. Look at the ratios.
 */
const { values } = parseArgs({
  options: {
    ...benchOptions('1.5'),
  },
});

await using target = await generatedServer(values.gigabytes, ARCHIVING);
await using stack = await Stack.start(['backup-worker'], { SAMPLE_PASSWORD: target.password });
for (const copyBy of ['files', 'server']) {
  const config = {
    name: copyBy,
    method: 'postgres-physical',
    compression: 'zstd',
    copyBy,
    resources: { cpuPercent: 100 },
  };
  await stack.configureBackups(sampleConfiguration(target, stack.home.join('storage'), config));
}
const env = {
  ...process.env,
  PGHOST: '127.0.0.1',
  PGPORT: String(target.port),
  PGUSER: 'postgres',
  PGPASSWORD: target.password,
};
const [zst, best] = [
  await pgBackRest(target, stack.home.join('zst'), PGBACKREST_SETTINGS.zst),
  await pgBackRest(target, stack.home.join('best'), PGBACKREST_SETTINGS.best),
];
const base = stack.home.join('base');
const withBarman = await barman(target, stack.home.join('barman'));

/** Those that are not installed are left out. */
const PEERS = {
  zst: 'pgBackRest, zst',
  best: 'pgBackRest, zst 1, bundled',
  base: 'pg_basebackup, server-zstd 1',
  ...(withBarman ? { barman: 'Barman, server-zstd 1' } : {}),
  ...(findProgram('restic') ? { restic: 'pg_basebackup | restic' } : {}),
} as const;
const figures = {
  files: [] as Measured[],
  server: [] as Measured[],
  zst: [] as Measured[],
  best: [] as Measured[],
  base: [] as Measured[],
  barman: [] as Measured[],
  restic: [] as Measured[],
};
for (let round = 0; round < Number(values.rounds); round++) {
  for (const [name, measure] of [
    ['zst', () => peer(zst.backup('full'), zst.folder)],
    ['files', () => hozen('files')],
    ['best', () => peer(best.backup('full'), best.folder)],
    ['server', () => hozen('server')],
    ['base', () => peer(`pg_basebackup -D '${base}' -Ft -c fast --compress=server-zstd:level=1,workers=2`, base)],
    ...(withBarman ? [['barman', () => peer(withBarman.backup, withBarman.folder)] as const] : []),
    ...('restic' in PEERS ? [['restic', () => withRestic(round)] as const] : []),
  ] as const) {
    const figure = await measure();
    figures[name].push(figure);
    process.stderr.write(`${JSON.stringify({ round, name, ...figure })}\n`);
  }
}
await report(
  (['files', 'server'] as const).flatMap((ours) =>
    Object.entries(PEERS).map(([name, label]) =>
      row('full copy', `by ${ours}, zstd 1, read back`, label, figures[ours], figures[name as keyof typeof PEERS]),
    ),
  ),
  values.json,
);

async function hozen(config: string): Promise<Measured> {
  const { measured, run } = await timedBackup(stack, target, { config, verify: false });
  await rm(run.artefact?.path ?? '');
  return measured;
}

async function withRestic(round: number): Promise<Measured> {
  const repository = restic(stack.home.join(`restic-${round}`));
  if (!repository) throw new Error('restic is gone');
  const measured = await peer(repository.backup, repository.folder);
  await rm(repository.folder, { recursive: true });
  return measured;
}

async function peer(command: string, folder: string): Promise<Measured> {
  const size = () => Promise.resolve(folderMb(folder));
  const before = folderMb(folder);
  const measured = await timedShell(`${command} && sync -f '${folder}'`, { server: target.pid ?? 0, env, size });
  if (folder === base) await rm(base, { recursive: true });
  return { ...measured, size: measured.size - before };
}
