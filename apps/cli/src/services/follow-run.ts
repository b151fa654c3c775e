import { setTimeout as delay } from 'node:timers/promises';
import { HozenError, type RestoreView, type RunState, type RunView, type VerificationView } from '@hozen/contracts';
import type { Context } from '../context.js';
import { call } from './call.js';
import { Refusal } from './refusal.js';

const LOOK_EVERY_MS = 250;

/** What a run of any kind shows while it goes on. */
export type GoingOn = Pick<RunView, 'id' | 'state' | 'attempts' | 'notBefore' | 'progress' | 'waitsFor'>;

export interface Followed {
  /** Each time the run looks different. */
  changed(run: GoingOn): void;
  /** The worker stopped answering; it is asked again. */
  silent(): void;
}

/** Follows a backup to its end. */
export function followRun(context: Context, id: string, followed: Followed): Promise<RunView> {
  const path = `/backups/${encodeURIComponent(id)}`;
  return follow<RunView>(context, path, followed, (run) => run);
}

/** Follows a restore to its end. */
export function followRestore(context: Context, id: string, followed: Followed): Promise<RestoreView> {
  return follow<RestoreView>(context, `/restores/${encodeURIComponent(id)}`, followed, (restore) => ({
    ...restore,
    attempts: [],
  }));
}

/** Follows a verification to its end. */
export function followVerification(context: Context, id: string, followed: Followed): Promise<VerificationView> {
  return follow<VerificationView>(context, `/verifications/${encodeURIComponent(id)}`, followed, (verification) => ({
    ...verification,
    attempts: [],
  }));
}

/**
 * Follows a run to its end. A worker that is being restarted is waited for: the run is kept, and goes on with it.
 * @throws the reason of the abort when the person gives up waiting
 */
async function follow<View extends { state: RunState }>(
  context: Context,
  path: string,
  followed: Followed,
  shown: (view: View) => GoingOn,
): Promise<View> {
  let last = '';
  let wasSilent = false;
  for (;;) {
    const run = await viewAt<View>(context, path);
    if (run === undefined && !wasSilent) followed.silent();
    wasSilent = run === undefined;
    const now = JSON.stringify(run);
    if (run && now !== last) followed.changed(shown(run));
    if (run && isFinal(run.state)) return run;
    last = now;
    await delay(LOOK_EVERY_MS, undefined, { signal: context.signal });
  }
}

async function viewAt<View>(context: Context, path: string): Promise<View | undefined> {
  try {
    return await call<View>(context, 'backup-worker', path);
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
