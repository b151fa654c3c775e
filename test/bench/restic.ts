import { execFileSync } from 'node:child_process';
import { findProgram } from '@hozen/dbms';

export interface ResticRepository {
  /** Shell command of a backup of the stream of pg_basebackup; PGHOST and so on say of which server. */
  backup: string;
  folder: string;
}

/**
 * A new repository: into one that has the same data already nothing would be written.
 * @returns undefined where restic is not installed
 */
export function restic(folder: string): ResticRepository | undefined {
  if (!findProgram('restic')) return undefined;
  const command = `RESTIC_PASSWORD=bench restic -q -r '${folder}'`;
  execFileSync('sh', ['-c', `${command} init`], { stdio: ['ignore', 'ignore', 'inherit'] });
  return { backup: `pg_basebackup -D - -Ft -X fetch -c fast | ${command} --no-cache backup --stdin`, folder };
}
