import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { ProofFacts } from '@hozen/contracts';
import { inSpan } from '@hozen/telemetry';
import { ArtefactFile, corrupt } from '../artefact/artefact-file.js';
import type { AttemptContext, BackupJob } from '../job.js';
import { readListing, type ListedEntry } from '../methods/files/listing.js';
import { unbundled } from '../methods/git-config/bundle.js';
import { compareCommit } from '../methods/git-config/compare-commit.js';
import { Git } from '../methods/git-config/git.js';
import { sha256OfLink, type StoredText } from '../methods/git-config/take-snapshot.js';
import type { CommittedArtefact } from '../storage/committed-artefact.js';
import { removeTree } from '../storage/file/remove-tree.js';
import { proveFiles } from './prove-files.js';

/**
 * Proves a backup of configuration files: restores the tree and compares it with its listing, and clones the repository
 * that is in the artefact and compares every file of the commit with the same listing.
 * @throws HozenError CONTENT_DIFFERS naming the files, ARTEFACT_CORRUPT, TOOL_MISSING, and what proveFiles throws
 */
export async function proveConfiguration(
  job: BackupJob,
  artefact: CommittedArtefact,
  context: AttemptContext,
): Promise<ProofFacts> {
  const begunAt = performance.now();
  const proof = await proveFiles(job, artefact, context);
  // Nobody here can read it.
  if (proof.level !== 'restore') return proof;
  await inSpan('prove commit', { attributes: { 'file.path': artefact.path } }, () =>
    proveCommit(job, artefact, context.signal),
  );
  return Object.assign(proof, { seconds: (performance.now() - begunAt) / 1000 });
}

async function proveCommit(job: BackupJob, artefact: CommittedArtefact, signal: AbortSignal): Promise<void> {
  const { git: facts, files } = artefact.manifest;
  if (!facts || !files) throw corrupt(artefact.path, 'it is no backup of configuration files');
  const folder = join(job.spoolDir, 'commit');
  await using git = await Git.within(folder);
  try {
    await mkdir(folder, { mode: 0o700 });
    await using file = await ArtefactFile.open(artefact);
    const expected: StoredText[] = [];
    for await (const entry of readListing(file, files.listing.sha256)) expected.push(...storedIn(entry));
    const directory = await unbundled(git, file, folder, signal);
    await compareCommit({ git, directory, commit: facts.commit, folder: facts.folder, expected, signal });
  } finally {
    await removeTree(folder);
  }
}

/** Folders are in no commit. */
function storedIn({ path, type, mode, sha256 = '', target = '' }: ListedEntry): StoredText[] {
  const name = path.slice(2);
  if (type === 'link') return [{ path: name, mode: '120000', sha256: sha256OfLink(target) }];
  return type === 'file' ? [{ path: name, mode: mode & 0o100 ? '100755' : '100644', sha256 }] : [];
}
