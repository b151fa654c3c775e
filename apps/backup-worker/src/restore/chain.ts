import { dirname, join } from 'node:path';
import type { ConfigSpec } from '@hozen/contracts';
import { corrupt } from '../artefact/artefact-file.js';
import { parentOf } from '../artefact/manifest.js';
import { byIdentityOf } from '../encryption/file-key.js';
import { describe, type CommittedArtefact } from '../storage/committed-artefact.js';
import { besides } from '../storage/artefact-paths.js';
import { readManifest } from '../storage/read-manifest.js';

const LONGEST = 1000;

/**
 * All that is restored for an artefact: the full backup first, the artefact itself last. Every one must be the one that
 * the next says it builds on.
 * @throws HozenError ARTEFACT_MISSING, ARTEFACT_CORRUPT, of the SIGNATURE_ and of the STORAGE_ codes
 */
export async function chainOf(
  artefact: CommittedArtefact,
  config: Partial<Pick<ConfigSpec, 'signing' | 'encryption'>>,
): Promise<CommittedArtefact[]> {
  const chain = [artefact];
  for (let child = artefact, parent = parentOf(child.manifest); parent; parent = parentOf(child.manifest)) {
    const { file, runId, sha256 } = parent;
    const path = pathBeside(child.path, file);
    const manifest = await readManifest(child.storage, path, config.signing);
    if (!manifest) throw corrupt(child.path, `${path}, which it builds on, is missing`);
    if (manifest.runId !== runId || manifest.artefact.sha256 !== sha256 || chain.length > LONGEST) {
      throw corrupt(child.path, `${path} is not what it builds on`);
    }
    const manifestPath = besides(path).manifest;
    child = describe(manifestPath, manifest, child.storage, byIdentityOf(config.encryption, manifestPath));
    chain.unshift(child);
  }
  return chain;
}

function pathBeside(path: string, file: string): string {
  const bucket = path.startsWith('s3://') ? 's3://' : '';
  return bucket + join(dirname(path.slice(bucket.length)), file);
}
