import { HozenError } from '@hozen/contracts';
import type { AttemptContext } from '../job.js';
import { restoreFiles } from '../restore/physical/restore-files.js';
import type { CommittedArtefact } from '../storage/committed-artefact.js';
import { compareFiles } from './compare-files.js';
import { named } from './named.js';

/**
 * Restores a chain of copies into a new folder, and compares every file with the list that the server made of its own.
 * @param chain the full backup first
 * @param readNext whether the files are read next, here or by a server
 * @throws HozenError CONTENT_DIFFERS naming the files, and what restoreFiles throws
 */
export async function restoreAndCompare(
  chain: readonly CommittedArtefact[],
  directory: string,
  { signal, progress }: Pick<AttemptContext, 'signal' | 'progress'>,
  { readNext = true } = {},
): Promise<void> {
  progress({ phase: 'restoring', bytes: 0 });
  const { files, divided, written } = await restoreFiles({
    chain,
    directory,
    readNext,
    signal,
    progress: (update) => progress({ phase: 'restoring', ...update }),
  });
  const expectedBytes = files.reduce((sum, file) => sum + file.bytes, 0);
  let bytes = 0;
  const differences = await compareFiles({
    directory,
    files,
    known: written,
    // Without it hint bits change silently; those that the earlier backup has are as good.
    sizeOnly: chain.at(-1)?.manifest.physical?.hintsLogged ? new Set() : divided,
    signal,
    onBytes: (more, item) => progress({ phase: 'comparing', bytes: (bytes += more), expectedBytes, item }),
  });
  if (differences.length > 0) throw new HozenError('CONTENT_DIFFERS', { what: named(differences) });
}
