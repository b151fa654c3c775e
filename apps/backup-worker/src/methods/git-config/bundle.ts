import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { inSpan } from '@hozen/telemetry';
import type { ArtefactFile } from '../../artefact/artefact-file.js';
import type { ArtefactWriter } from '../../artefact/artefact-writer.js';
import { pour, startTool } from '../../pipeline/pour.js';
import type { Committed, Repository } from './commit-snapshot.js';
import { compareCommit } from './compare-commit.js';
import type { Git } from './git.js';
import type { Snapshot } from './take-snapshot.js';

/** The stream with the branch as of the commit, and all before it: `git clone` reads it. */
export const BUNDLE = 'repository.bundle';

export interface ReadBack {
  git: Git;
  repository: Repository;
  commit: Committed;
  snapshot: Snapshot;
  /** A folder that does not exist yet. */
  clone: string;
  signal: AbortSignal;
}

/**
 * Clones the branch from the repository, and compares every file of the commit with what was read: what is in the artefact
 * is what the repository gave back, and nothing that only we have.
 * @throws HozenError CONTENT_DIFFERS, and of the REPOSITORY_ codes
 */
export async function readBack({ git, repository, commit, snapshot, clone, signal }: ReadBack): Promise<void> {
  await inSpan('clone repository', { attributes: { 'hozen.commit': commit.id } }, async () => {
    const { url, branch, folder } = repository;
    const way = ['--bare', '--quiet', '--no-local', '--no-tags', '--single-branch', '--template='];
    await git.run(['clone', ...way, `--branch=${branch}`, '--', url, clone], { signal });
    await compareCommit({ git, directory: clone, commit: commit.id, folder, expected: snapshot.stored, signal });
    // Others may have pushed since: what is theirs belongs into their own backup.
    await git.run([`--git-dir=${clone}`, 'update-ref', `refs/heads/${branch}`, commit.id], { signal });
  });
}

export async function addBundle(
  { git, repository, clone, signal }: Pick<ReadBack, 'git' | 'repository' | 'clone' | 'signal'>,
  writer: ArtefactWriter,
): Promise<void> {
  const stream = writer.openStream(BUNDLE);
  const args = [`--git-dir=${clone}`, 'bundle', 'create', '--quiet', '-', 'HEAD', `refs/heads/${repository.branch}`];
  await pour(await startTool(git.of(args, { signal })), stream);
  await writer.endStream(stream);
}

/** @returns the bundle of an artefact, as a bare repository in a folder of the spool */
export async function unbundled(git: Git, file: ArtefactFile, folder: string, signal: AbortSignal): Promise<string> {
  const bundle = join(folder, BUNDLE);
  await writeFile(bundle, file.read(file.stream(BUNDLE)), { flag: 'wx', mode: 0o600 });
  const directory = join(folder, 'repository.git');
  await git.run(['clone', '--bare', '--quiet', '--no-tags', '--template=', '--', bundle, directory], { signal });
  return directory;
}
