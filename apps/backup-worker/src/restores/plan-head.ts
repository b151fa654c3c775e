import type { RestorePlanView } from '@hozen/contracts';
import type { CommittedArtefact } from '../storage/committed-artefact.js';
import type { RestoreSource } from './find-source.js';

/** What every plan says of the backup. */
export function planHead(
  source: RestoreSource,
  artefact: CommittedArtefact,
): Pick<RestorePlanView, 'runId' | 'config' | 'artefact'> {
  const { path, bytes, originalBytes, manifest } = artefact;
  return {
    runId: source.runId,
    config: source.config,
    artefact: {
      path,
      bytes,
      originalBytes,
      ...(source.proof ? { proof: source.proof.level } : {}),
      committedAt: manifest.committedAt,
    },
  };
}

/** As long as the proof took, by the share of what is wanted. */
export function expectedSeconds(
  { proof }: RestoreSource,
  { manifest }: CommittedArtefact,
  wanted: readonly { bytes: number }[],
): Pick<RestorePlanView, 'expectedSeconds'> {
  if (proof?.level !== 'restore') return {};
  const bytes = wanted.reduce((sum, each) => sum + each.bytes, 0);
  const total = manifest.databases.reduce((sum, each) => sum + each.bytes, 0);
  return { expectedSeconds: Math.ceil((proof.seconds * bytes) / Math.max(bytes, total, 1)) };
}
