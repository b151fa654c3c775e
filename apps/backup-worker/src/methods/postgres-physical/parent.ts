import { createHash } from 'node:crypto';
import { parseLsn } from '@hozen/dbms';
import { postgresOf, type Manifest, type ManifestParent, type ManifestPhysical } from '../../artefact/manifest.js';
import type { AttemptContext, BackupJob } from '../../job.js';
import { besides } from '../../storage/artefact-paths.js';
import { storageOf } from '../../storage/storage-of.js';
import { chooseParent, type Chosen, type StandingBackup } from '../choose-parent.js';
import { parseBackupManifest, type ListedFile } from './backup-manifest.js';
import type { PhysicalTarget } from './check-target.js';

/** The backup that this one builds on. */
export interface Parent {
  manifest: ManifestParent;
  physical: ManifestPhysical;
  /** Its backup_manifest, as the server made it. */
  list: string;
  files: ListedFile[];
}

/** What a copy of the target builds on. @throws HozenError LEASE_LOST, and of the STORAGE_ codes */
export function chooseCopy(job: BackupJob, target: PhysicalTarget, context: AttemptContext): Promise<Chosen<Parent>> {
  return chooseParent(job, context, (earlier) => parentFrom(earlier, job, target));
}

/** @returns why it cannot be built on, where it cannot */
async function parentFrom(
  { path, manifest, reference }: StandingBackup,
  job: BackupJob,
  target: PhysicalTarget,
): Promise<Parent | string> {
  const list = await storageOf(job.config.storage).readText(besides(path).files);
  if (!manifest.physical || list === undefined) return `${path} has no list of files`;
  // It stands unencrypted in the storage; the manifest, which may be signed, says which one it was.
  const sha256 = createHash('sha256').update(list).digest('hex');
  if (sha256 !== manifest.physical.files.sha256) return `the list of files of ${path} was changed`;
  const reason = whyNotOn(manifest, manifest.physical, target);
  if (reason !== undefined) return reason;
  return { manifest: reference, physical: manifest.physical, list, files: parseBackupManifest(list) };
}

/**
 * The pages of the earlier backup must be from the same history of the same cluster. (A cluster whose checksums were
 * switched on has changed every page without a new LSN.)
 */
function whyNotOn(manifest: Manifest, earlier: ManifestPhysical, target: PhysicalTarget): string | undefined {
  const { facts, physical } = target;
  if (manifest.target.systemIdentifier !== facts.systemIdentifier) return 'the earlier backup is of another cluster';
  if (postgresOf(manifest).major !== facts.major) return 'the server was upgraded since the earlier backup';
  if (earlier.timeline !== physical.timeline) return 'the timeline has changed since the earlier backup';
  if (earlier.dataChecksums !== facts.dataChecksums) return 'page checksums were switched since the earlier backup';
  if (parseLsn(physical.beginsAfter) < parseLsn(earlier.endLsn)) return 'the server is behind the earlier backup';
  return undefined;
}
