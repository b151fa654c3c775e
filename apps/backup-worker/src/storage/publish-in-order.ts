import { failpoint } from '@hozen/telemetry';
import type { ArtefactKind } from './artefact-paths.js';
import type { Fence } from './storage.js';

/**
 * Whoever looks at the storage sees either no manifest or a whole artefact: it comes last.
 * @param kinds in their order
 */
export async function publishInOrder(
  kinds: readonly ArtefactKind[],
  fence: Fence,
  publish: (kind: ArtefactKind) => Promise<void>,
): Promise<void> {
  await failpoint('commit.before-data');
  for (const kind of kinds) {
    fence.ensureLease();
    await publish(kind);
    await failpoint(`commit.after-${kind}`);
  }
}
