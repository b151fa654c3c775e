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
 * machine; it ends with us, and may become nobody else. Where no sandbox can be had it is left as it is.
 * @param infoFd as in {@link sandboxArguments}
 * @throws HozenError SANDBOX_MISSING where it can not be had, and `HOZEN_SANDBOX=require`
 */
export function confined(command: Command, view: SandboxView, runAs?: RunAs, infoFd?: number): Command {
  if (!isConfined(runAs)) return command;
  const uid = runAs?.uid ?? process.getuid?.();
  const args = sandboxArguments({ command, view, uid, ...(infoFd === undefined ? {} : { infoFd }) });
  return { path: bubblewrap() ?? '', args };
}

/**
 * Whether {@link confined} does anything.
 * @throws HozenError SANDBOX_MISSING as there
 */
export function isConfined(runAs?: RunAs): boolean {
  const mode = sandboxMode();
  if (mode === 'off') return false;
  const why = whyNot(runAs);
  if (why !== undefined && mode === 'require') throw new HozenError('SANDBOX_MISSING', {}, { detail: why });
  return why === undefined;
}

/**
 * For those who are about to change something before a program is started: not where it will be refused.
 * @throws HozenError SANDBOX_MISSING
 */
export function ensureSandbox(): void {
  isConfined();
}

/** Why programs and servers of ours are not held in a sandbox here; undefined where they are, or where nobody wants it. */
export async function whyUnconfined(): Promise<string | undefined> {
  return sandboxMode() === 'off' ? undefined : (whyNot() ?? whyNot(await serverUser()));
}

function whyNot(runAs?: RunAs): string | undefined {
  const path = bubblewrap();
  if (path === undefined) return 'bwrap is not installed';
  const user = `${path} ${runAs?.uid ?? 'self'}`;
  if (works.has(user)) return undefined;
  const command = { path: '/bin/true', args: [] };
  const args = sandboxArguments({ command, view: {}, uid: runAs?.uid ?? process.getuid?.() });
  const trial = guarded({ path, args }, 'KILL', runAs);
  const { status, stderr, error } = spawnSync(trial.path, trial.args, {
    env: {},
    cwd: '/',
    timeout: TRIAL_MS,
    encoding: 'utf8',
  });
  if (status !== 0) return error?.message ?? stderr.trim().split('\n')[0] ?? `bwrap ends with ${status}`;
  works.add(user);
  return undefined;
}

/** What is no mode counts as the strictest; the worker says so when it starts. */
function sandboxMode(): SandboxMode {
  const text = process.env['HOZEN_SANDBOX'] ?? 'auto';
  return SANDBOX_MODES.find((mode) => mode === text) ?? 'require';
}

function bubblewrap(): string | undefined {
  return process.platform === 'linux' ? findProgram('bwrap') : undefined;
}
