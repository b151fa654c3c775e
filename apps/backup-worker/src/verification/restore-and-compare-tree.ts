import { HozenError } from '@hozen/contracts';
import { ArtefactFile, corrupt } from '../artefact/artefact-file.js';
import type { AttemptContext } from '../job.js';
import { readListing } from '../methods/files/listing.js';
import { restoreTree } from '../restore/files/restore-tree.js';
import type { NotSet } from '../restore/files/unpack-tree.js';
import type { CommittedArtefact } from '../storage/committed-artefact.js';
import { compareAttributes } from './compare-attributes.js';
import { compareTree } from './compare-tree.js';
import { named } from './named.js';

/**
 * Restores a chain of backups of a tree into a new folder, and compares everything with the listing of the last one.
 * @param chain the full backup first
 * @returns paths that were compared, and what could not be set
 * @throws HozenError CONTENT_DIFFERS naming the paths, and what restoreTree throws
 */
export async function restoreAndCompareTree(
  chain: readonly CommittedArtefact[],
  directory: string,
  { signal, progress }: Pick<AttemptContext, 'signal' | 'progress'>,
): Promise<{ paths: number; notSet: NotSet }> {
  const last = chain.at(-1);
  const facts = last?.manifest.files;
  if (!last || !facts) throw corrupt(last?.path ?? directory, 'it is no backup of a tree of files');
  progress({ phase: 'restoring', bytes: 0 });
  const notSet = await restoreTree({
    chain,
    directory,
    signal,
    progress: (update) => progress({ phase: 'restoring', ...update }),
  });
  await using file = await ArtefactFile.open(last);
  let bytes = 0;
  const { paths, differences } = await compareTree({
    directory,
    listing: readListing(file, facts.listing.sha256),
    notSet,
    signal,
    onBytes: (more, item) => progress({ phase: 'comparing', bytes: (bytes += more), expectedBytes: facts.bytes, item }),
  });
  if (!notSet.attributes) {
    differences.push(...(await compareAttributes(directory, readListing(file, facts.listing.sha256), signal)));
  }
  if (paths !== facts.paths) differences.push(`${paths} paths in the listing instead of ${facts.paths}`);
  if (differences.length > 0) throw new HozenError('CONTENT_DIFFERS', { what: named(differences) });
  return { paths, notSet };
}
