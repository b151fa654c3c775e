import { createHash } from 'node:crypto';
import type { RestorePlanView } from '@hozen/contracts';
import { decidedOf } from '../policy/with-policy.js';

/**
 * What a second person approves of: the hash of what is decided, and of what it is decided on; not of what only happens to be so,
 * such as how long it may take.
 * @param decided what else is, beside the backup, what stands in the way, and what it would bring
 */
export function planHash(
  { runId, config, artefact, obstacles, policy }: RestorePlanView,
  decided: readonly unknown[],
): string {
  const all = [
    [runId, config, artefact.path, artefact.bytes, artefact.committedAt],
    ...decided,
    obstacles.map(({ kind, what }) => [kind, what]),
    decidedOf(policy),
  ];
  return createHash('sha256').update(JSON.stringify(all)).digest('hex');
}
