import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { ProofFacts } from '@hozen/contracts';
import { inSpan } from '@hozen/telemetry';
import type { AttemptContext, BackupJob } from '../job.js';
import { chainOf } from '../restore/chain.js';
import { removeTree } from '../storage/file/remove-tree.js';
import type { CommittedArtefact } from '../storage/committed-artefact.js';
import { restoreAndCompareTree } from './restore-and-compare-tree.js';

/**
 * Proves a backup of a tree of files: restores it, with all that it builds on, into a folder of the spool and compares
 * types, modes, owners, times, links and the content of every file with the listing. Leaves nothing, however it ends.
 * @throws HozenError CONTENT_DIFFERS naming the paths, ARTEFACT_MISSING, ARTEFACT_CORRUPT, DISK_FULL, of the STORAGE_ codes
 */
export async function proveFiles(
  job: BackupJob,
  artefact: CommittedArtefact,
  context: AttemptContext,
): Promise<ProofFacts> {
  return inSpan('prove by restore', { attributes: { 'file.path': artefact.path } }, async () => {
    const started = performance.now();
    const seconds = () => (performance.now() - started) / 1000;
    const chain = await chainOf(artefact, job.config);
    // The attempt knows the key of its own artefact only.
    if (chain.some(({ manifest, findFileKey }) => manifest.encryption && !findFileKey)) {
      return { level: 'checksum', databases: 0, tables: 0, seconds: seconds() };
    }
    const scratch = join(job.spoolDir, 'scratch');
    try {
      // Nobody else may come to what is restored in it.
      await mkdir(scratch, { mode: 0o700 });
      const { paths } = await restoreAndCompareTree(chain, join(scratch, 'tree'), context);
      return { level: 'restore', databases: 0, tables: 0, files: paths, seconds: seconds() };
    } finally {
      await removeTree(scratch);
    }
  });
}
