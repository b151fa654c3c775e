import { execFile } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { ConfigurationTargetSpec, RepositorySpec } from '@hozen/contracts';
import type { BackupJob } from '../../job.js';
import { aJob } from '../../job.fixture.js';

const run = promisify(execFile);

/** A job that backs up what is in `root/etc` into a repository in `root`. */
export function configurationJob(
  root: string,
  change: Partial<BackupJob> = {},
  target: Partial<ConfigurationTargetSpec> = {},
  repository: Partial<RepositorySpec> = {},
): BackupJob {
  const job = aJob(root, change);
  const paths = [join(root, 'etc')];
  job.target = Object.assign(new ConfigurationTargetSpec(), { name: 'erp', kind: 'configuration', paths, ...target });
  const spec = Object.assign(new RepositorySpec(), { url: join(root, 'settings.git'), ...repository });
  Object.assign(job.config, { method: 'git-config', compression: 'zstd', repository: spec });
  mkdirSync(job.spoolDir, { recursive: true, mode: 0o711 });
  return job;
}

/** Writes files below a folder. */
export async function write(folder: string, files: Record<string, string | Buffer>): Promise<void> {
  for (const [path, content] of Object.entries(files)) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), content);
  }
}

/** What git, run by somebody else, says of a repository. */
export async function git(folder: string, ...args: string[]): Promise<string> {
  const env = { ...process.env, LC_ALL: 'C', GIT_CONFIG_GLOBAL: '/dev/null', GIT_CONFIG_NOSYSTEM: '1' };
  const { stdout } = await run('git', ['-C', folder, ...args], { env, encoding: 'latin1', maxBuffer: 1 << 26 });
  return stdout;
}

/** Commits something, as a person does, and pushes it. */
export async function pushByHand(repository: string, clone: string, path: string): Promise<void> {
  await run('git', ['clone', '-q', repository, clone]);
  await write(clone, { [path]: 'by hand\n' });
  await git(clone, 'add', '--all');
  const person = ['-c', 'user.name=A person', '-c', 'user.email=a@example.com'];
  await git(clone, ...person, 'commit', '-q', '-m', 'By hand');
  await git(clone, 'push', '-q', 'origin', 'HEAD:main');
}
