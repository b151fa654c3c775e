import { execFileSync } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { findProgram, giveToServer } from '@hozen/dbms';
import type { TestPostgres } from '@hozen/testkit';

export interface Barman {
  /** Shell command of a full backup. */
  backup: string;
  /** Folder of the backups. */
  folder: string;
}

/** For {@link barman}; they need a start of the server, which looks from its data directory. */
export const ARCHIVING = {
  archive_mode: 'on',
  archive_command: 'test ! -d ../incoming || cp %p ../incoming/%f',
} as const;

/**
 * Barman as it is fastest: pg_basebackup, compressed by the server. WAL goes to it by archive_command.
 * @param server was started with {@link ARCHIVING}
 * @returns undefined where it is not installed
 */
export async function barman(server: TestPostgres, folder: string): Promise<Barman | undefined> {
  const program = findProgram('barman');
  if (!program) return undefined;
  // Where the server can reach it.
  const [file, incoming] = [`${folder}.conf`, join(dirname(server.dataDir), 'incoming')];
  await Promise.all([incoming, folder].map((each) => mkdir(each)));
  const connection = `host=${server.socketDir} port=${server.port} user=postgres dbname=postgres`;
  const lines = [
    '[barman]',
    `barman_home = ${folder}`,
    'barman_user = root',
    `log_file = ${folder}.log`,
    'log_level = ERROR',
    `configuration_files_directory = ${folder}.d`,
    '[bench]',
    'description = bench',
    `conninfo = ${connection}`,
    `streaming_conninfo = ${connection}`,
    'backup_method = postgres',
    'backup_compression = zstd',
    'backup_compression_level = 1',
    'backup_compression_location = server',
    'backup_compression_format = tar',
    'immediate_checkpoint = true',
    'archiver = on',
    `incoming_wals_directory = ${incoming}`,
  ];
  await writeFile(file, `${lines.join('\n')}\n`, { mode: 0o600 });
  await giveToServer(incoming);
  const env = { ...process.env, PGPASSWORD: server.password };
  const run = (...args: string[]) =>
    execFileSync(program, ['-q', '-c', file, ...args], { env, stdio: ['ignore', 'ignore', 'inherit'] });
  run('cron');
  run('switch-wal', '--archive', '--force', 'bench');
  return { backup: `barman -q -c '${file}' backup bench`, folder: join(folder, 'bench', 'base') };
}
