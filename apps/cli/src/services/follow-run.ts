import { setTimeout as delay } from 'node:timers/promises';
import { HozenError, type RunState, type RunView } from '@hozen/contracts';
import type { Context } from '../context.js';
import { call } from './call.js';
import { Refusal } from './refusal.js';

const LOOK_EVERY_MS = 250;

export interface Followed {
  /** Each time the run looks different. */
  changed(run: RunView): void;
  /** The worker stopped answering; it is asked again. */
  silent(): void;
}

/**
 * Follows a run to its end. A worker that is being restarted is waited for: the run is kept, and goes on with it.
 * @throws the reason of the abort when the person gives up waiting
 */
export async function followRun(context: Context, id: string, followed: Followed): Promise<RunView> {
  let last = '';
  let wasSilent = false;
  for (;;) {
    const run = await runOf(context, id);
    if (run === undefined && !wasSilent) followed.silent();
    wasSilent = run === undefined;
    const now = JSON.stringify(run);
    if (run && now !== last) followed.changed(run);
    if (run && isFinal(run.state)) return run;
    last = now;
    await delay(LOOK_EVERY_MS, undefined, { signal: context.signal });
  }
}

async function runOf(context: Context, id: string): Promise<RunView | undefined> {
  try {
    return await call<RunView>(context, 'backup-worker', `/backups/${encodeURIComponent(id)}`);
  } catch (error) {
    if (error instanceof HozenError && error.code === 'SERVICE_UNREACHABLE') return undefined;
    // A service that is just going down may answer that it cannot.
    if (error instanceof Refusal && error.status >= 500) return undefined;
    throw error;
  }
}

export function isFinal(state: RunState): boolean {
  return state === 'completed' || state === 'failed' || state === 'cancelled';
}
