import { setTimeout as delay } from 'node:timers/promises';
import { isLossOfOwnDatabase } from '@hozen/persistence';
import type { DataSource, EntityManager } from 'typeorm';
import { ADMISSION_LOCK, askForSpace, type SpaceWait } from './ask-for-space.js';
import type { SpaceNeed } from './file-systems.js';

/** The run goes back and waits: there is room, but it is kept for others. */
export class WaitsForSpace extends Error {
  constructor(readonly wait: SpaceWait) {
    super('the room that it needs is kept for other runs');
  }
}

const ASK_AGAIN_MS = 250;

/**
 * For a run that is at work, and knows now what it needs.
 * @param signal aborted when the run is to stop, at the latest when its lease has run out
 */
export function keepSpace(
  database: DataSource,
  runId: string,
  signal: AbortSignal,
): (needs: readonly SpaceNeed[]) => Promise<void> {
  return async (needs) => {
    const ask = async (manager: EntityManager) => {
      await manager.query(ADMISSION_LOCK);
      return askForSpace(manager, runId, needs);
    };
    const wait = await onceThere(() => database.transaction(ask), signal);
    if (wait) throw new WaitsForSpace(wait);
  };
}

/** A database that is away for a moment must not cost what the run has done by now. */
async function onceThere<T>(ask: () => Promise<T>, signal: AbortSignal): Promise<T> {
  for (;;) {
    try {
      return await ask();
    } catch (error) {
      if (!isLossOfOwnDatabase(error)) throw error;
      await delay(ASK_AGAIN_MS, undefined, { signal });
    }
  }
}
