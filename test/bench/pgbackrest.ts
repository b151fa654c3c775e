import { execFileSync } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { findProgram } from '@hozen/dbms';
import type { TestPostgres } from '@hozen/testkit';

/** A repository of pgBackRest for a server, as people set it up on the same machine. */
export interface PgBackRest {
  /** Shell command of a backup. */
  backup(type: 'full' | 'incr' | 'diff'): string;
  /** Shell command of a restore into an empty folder, or over what is there. */
  restore(directory: string, delta?: boolean): string;
  /** Folder of the backups. */
  folder: string;
}

/** pgBackRest's settings: as most have it, and at its best here. */
export const PGBACKREST_SETTINGS = {
  zst: ['compress-type=zst', 'compress-level=3'],
  best: ['compress-type=zst', 'compress-level=1', 'repo1-bundle=y', 'repo1-block=y'],
} as const;

export async function pgBackRest(
  server: TestPostgres,
  folder: string,
  settings: readonly string[],
  jobs = 2,
): Promise<PgBackRest> {
  if (!findProgram('pgbackrest')) throw new Error('pgbackrest is not installed (Debian: apt-get install pgbackrest)');
  const file = `${folder}.conf`;
  const lines = [
    '[global]',
    `repo1-path=${folder}`,
    `lock-path=${folder}.lock`,
    `log-level-file=off`,
    `log-level-console=error`,
    `process-max=${jobs}`,
    'start-fast=y',
    'archive-check=n',
    ...settings,
    '[bench]',
    `pg1-path=${server.dataDir}`,
    `pg1-port=${server.port}`,
    `pg1-socket-path=${server.socketDir}`,
    'pg1-user=postgres',
  ];
  await writeFile(file, `${lines.join('\n')}\n`, { mode: 0o600 });
  const command = `pgbackrest --beta --config='${file}' --stanza=bench`;
  const env = { ...process.env, PGPASSWORD: server.password };
  execFileSync('sh', ['-c', `${command} stanza-create`], { env, stdio: ['ignore', 'ignore', 'inherit'] });
  return {
    backup: (type) => `${command} --type=${type} backup`,
    restore: (directory, delta = false) =>
      `${command} --pg1-path='${directory}' --type=none ${delta ? '--delta' : ''} restore`,
    folder: `${folder}/backup/bench`,
  };
}
