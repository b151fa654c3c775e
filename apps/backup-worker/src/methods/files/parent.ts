import { ArtefactFile } from '../../artefact/artefact-file.js';
import type { ManifestParent } from '../../artefact/manifest.js';
import { byIdentityOf } from '../../encryption/file-key.js';
import type { AttemptContext, BackupJob } from '../../job.js';
import { besides } from '../../storage/artefact-paths.js';
import { describe, type CommittedArtefact } from '../../storage/committed-artefact.js';
import { storageOf } from '../../storage/storage-of.js';
import { chooseParent, type Chosen, type StandingBackup } from '../choose-parent.js';
import { readListing, type ListedEntry } from './listing.js';

/** The backup that this one builds on. */
export interface FilesParent {
  manifest: ManifestParent;
  /** Its listing, read from its artefact. @throws HozenError ARTEFACT_CORRUPT, of the STORAGE_ codes */
  listing(): AsyncGenerator<ListedEntry>;
}

/**
 * What the run builds on; a full backup where there is nothing sound to build on.
 * @param place what is backed up, as the manifest has it
 * @throws HozenError LEASE_LOST, and of the STORAGE_ codes
 */
export function chooseFilesParent(
  job: BackupJob,
  place: string,
  context: AttemptContext,
): Promise<Chosen<FilesParent>> {
  return chooseParent(job, context, async (candidate) => {
    const { manifest, reference, path } = candidate;
    const { files } = manifest;
    if (!files) return `${path} is no backup of a tree of files`;
    if (files.path !== place) return `the earlier backup is of ${files.path}`;
    const artefact = stored(candidate, job);
    // Names say much: the listing stands nowhere but inside of the artefact.
    if (manifest.encryption && !artefact.findFileKey) {
      return 'the earlier backup is encrypted, and the config names no identity to read its listing with';
    }
    const listing = () => listingOf(artefact, files.listing.sha256);
    const reason = await whyUnreadable(listing);
    return reason ?? { manifest: reference, listing };
  });
}

function stored({ manifest, path }: StandingBackup, { config }: BackupJob): CommittedArtefact {
  const manifestPath = besides(path).manifest;
  return describe(manifestPath, manifest, storageOf(config.storage), byIdentityOf(config.encryption, manifestPath));
}

async function* listingOf(artefact: CommittedArtefact, sha256: string): AsyncGenerator<ListedEntry> {
  await using file = await ArtefactFile.open(artefact);
  yield* readListing(file, sha256);
}

/** It is read to its end: only then it is known to be whole. */
async function whyUnreadable(listing: FilesParent['listing']): Promise<string | undefined> {
  try {
    for await (const _ of listing());
    return undefined;
  } catch (error) {
    return `the listing of the earlier backup cannot be read (${error instanceof Error ? error.message : String(error)})`;
  }
}
