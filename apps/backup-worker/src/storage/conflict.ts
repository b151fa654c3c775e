import { HozenError } from '@hozen/contracts';
import { parseManifest } from '../artefact/manifest.js';
import type { ArtefactOwner } from './artefact-paths.js';

/**
 * Why `path` is taken. Leftovers of the run were removed when the artefact was opened: what stands there now is
 * somebody else's, or a later owner's.
 */
export function conflictAt(owner: ArtefactOwner, path: string, manifest: string | undefined): HozenError {
  const other = manifest === undefined ? undefined : parsed(manifest, path);
  const code = other?.runId === owner.runId ? 'LEASE_LOST' : 'STORAGE_CONFLICT';
  return new HozenError(code, { path }, other ? { detail: `run ${other.runId}, config ${other.config}` } : {});
}

/** True when the text is a manifest of this run. Under any other one, our files are as unpublished as without. */
export function isManifestOf(runId: string, text: string | undefined, path: string): boolean {
  return text !== undefined && parsed(text, path)?.runId === runId;
}

function parsed(text: string, path: string) {
  try {
    return parseManifest(text, path);
  } catch (error) {
    if (error instanceof HozenError && error.code === 'ARTEFACT_CORRUPT') return undefined;
    throw error;
  }
}
