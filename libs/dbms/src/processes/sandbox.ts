import { spawnSync } from 'node:child_process';
import { HozenError } from '@hozen/contracts';
import type { Command } from './child-limits.js';
import { findProgram } from './find-program.js';
import { guarded, type RunAs } from './guarded.js';
import { serverUser } from '../server/server-user.js';
import { sandboxArguments, type SandboxView } from './sandbox-arguments.js';

/** `HOZEN_SANDBOX`: where it can be had (the default), always or not at all, never. */
export const SANDBOX_MODES = ['auto', 'require', 'off'] as const;
export type SandboxMode = (typeof SANDBOX_MODES)[number];

const TRIAL_MS = 10_000;

/** Users for whom it was seen to work. Where it does not, it is tried anew each time: somebody may put it right meanwhile. */
const works = new Set<string>();

/**
 * The command in a sandbox of bubblewrap: it sees the system's programs, what the view names, and nothing else of this
 * machine; it ends with us, and may become nobody else.
 * @param infoFd as in {@link sandboxArguments}
 * @returns undefined where no sandbox can be had, or nobody wants one
 * @throws HozenError SANDBOX_MISSING where it can not be had, and `HOZEN_SANDBOX=require`
 */
export function confined(command: Command, view: SandboxView, runAs?: RunAs, infoFd?: number): Command | undefined {
  const path = usableBubblewrap(runAs);
  if (path === undefined) return undefined;
  const uid = runAs?.uid ?? process.getuid?.();
  return { path, args: sandboxArguments({ command, view, uid, ...(infoFd === undefined ? {} : { infoFd }) }) };
}

/**
 * For those who are about to change something before a program is started: not where it will be refused.
 * @throws HozenError SANDBOX_MISSING
 */
export function ensureSandbox(): void {
  usableBubblewrap();
}

/** Why programs and servers of ours are not held in a sandbox here; undefined where they are, or where nobody wants it. */
export async function whyUnconfined(): Promise<string | undefined> {
  return sandboxMode() === 'off' ? undefined : (look().why ?? look(await serverUser()).why);
}

/** @throws HozenError SANDBOX_MISSING as {@link confined} */
function usableBubblewrap(runAs?: RunAs): string | undefined {
  const mode = sandboxMode();
  if (mode === 'off') return undefined;
  const { path, why } = look(runAs);
  if (why !== undefined && mode === 'require') throw new HozenError('SANDBOX_MISSING', {}, { detail: why });
  return path;
}

/** Where bubblewrap is, or why it is of no use. */
function look(runAs?: RunAs): { path: string; why?: undefined } | { path?: undefined; why: string } {
  const path = bubblewrap();
  if (path === undefined) return { why: 'bwrap is not installed' };
  const user = `${path} ${runAs?.uid ?? 'self'}`;
  if (works.has(user)) return { path };
  const command = { path: '/bin/true', args: [] };
  const args = sandboxArguments({ command, view: {}, uid: runAs?.uid ?? process.getuid?.() });
  const trial = guarded({ path, args }, 'KILL', runAs);
  const { status, stderr, error } = spawnSync(trial.path, trial.args, {
    env: {},
    cwd: '/',
    timeout: TRIAL_MS,
    encoding: 'utf8',
  });
  if (status !== 0) return { why: error?.message ?? stderr.trim().split('\n')[0] ?? `bwrap ends with ${status}` };
  works.add(user);
  return { path };
}

/** What is no mode counts as the strictest; the worker says so when it starts. */
function sandboxMode(): SandboxMode {
  const text = process.env['HOZEN_SANDBOX'] ?? 'auto';
  return SANDBOX_MODES.find((mode) => mode === text) ?? 'require';
}

function bubblewrap(): string | undefined {
  return process.platform === 'linux' ? findProgram('bwrap') : undefined;
}
