import { failpoint } from '@hozen/telemetry';
import type { ArtefactKind } from './artefact-paths.js';
import type { Fence } from './storage.js';

const ORDER = ['data', 'checksum', 'manifest'] as const satisfies ArtefactKind[];

/** Whoever looks at the storage sees either no manifest or a whole artefact: it comes last. */
export async function publishInOrder(fence: Fence, publish: (kind: ArtefactKind) => Promise<void>): Promise<void> {
  await failpoint('commit.before-data');
  for (const kind of ORDER) {
    fence.ensureLease();
    await publish(kind);
    await failpoint(`commit.after-${kind}`);
  }
}
