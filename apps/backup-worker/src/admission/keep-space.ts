import type { DataSource } from 'typeorm';
import { ADMISSION_LOCK, askForSpace, type SpaceWait } from './ask-for-space.js';
import type { SpaceNeed } from './file-systems.js';

/** The run goes back and waits: there is room, but it is kept for others. */
export class WaitsForSpace extends Error {
  constructor(readonly wait: SpaceWait) {
    super('the room that it needs is kept for other runs');
  }
}

/** For a run that is at work, and knows now what it needs. */
export function keepSpace(database: DataSource, runId: string): (needs: readonly SpaceNeed[]) => Promise<void> {
  return async (needs) => {
    const wait = await database.transaction(async (manager) => {
      await manager.query(ADMISSION_LOCK);
      return askForSpace(manager, runId, needs);
    });
    if (wait) throw new WaitsForSpace(wait);
  };
}
