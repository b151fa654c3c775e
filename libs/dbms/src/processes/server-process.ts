import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { open } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import type { Command } from './child-limits.js';
import { guarded, type RunAs } from './guarded.js';
import type { SandboxView } from './sandbox-arguments.js';
import { confined } from './sandbox.js';

export interface ServerProcessOptions {
  command: Command;
  logFile: string;
  runAs: RunAs | undefined;
  /** What it gets when we die, outside of a sandbox; in one it is killed with all that it started. */
  whenWeDie: 'KILL' | 'QUIT';
  /** Held to it, where that can be done. */
  sandbox?: SandboxView | undefined;
}

/** Where bubblewrap writes which process the server is. */
const INFO_FD = 3;

/** A server that we started, in a sandbox or not: signals reach the server itself. */
export class ServerProcess {
  /** When it is over. */
  readonly gone: Promise<void>;

  private constructor(
    private readonly child: ChildProcess,
    /** Of the server; that of `child` is the sandbox's. */
    private readonly inside: number | undefined,
    readonly isConfined: boolean,
  ) {
    this.gone = new Promise((resolve) => {
      if (!this.running) return resolve();
      child.once('exit', () => resolve());
      child.once('error', () => resolve());
    });
  }

  /** @throws HozenError SANDBOX_MISSING, TOOL_MISSING */
  static async spawn({ command, logFile, runAs, whenWeDie, sandbox }: ServerProcessOptions): Promise<ServerProcess> {
    const held = sandbox && confined(command, sandbox, runAs, INFO_FD);
    const { path, args } = held ? guarded(held, 'KILL', runAs) : guarded(command, whenWeDie, runAs);
    const log = await open(logFile, 'a', 0o600);
    try {
      const child = spawn(path, args, {
        env: { PATH: '/usr/bin:/bin', LC_ALL: 'C', TZ: 'UTC' },
        cwd: '/',
        stdio: ['ignore', log.fd, log.fd, ...(held ? (['pipe'] as const) : [])],
        detached: true,
      });
      child.on('error', () => undefined);
      if (child.pid === undefined) await once(child, 'error').catch(() => undefined);
      const inside = held ? await insideOf(child) : child.pid;
      return new ServerProcess(child, inside, held !== undefined);
    } finally {
      await log.close();
    }
  }

  /** Undefined where it never came to run. */
  get pid(): number | undefined {
    return this.inside;
  }

  /** The number that it knows itself by. */
  get ownPid(): number | undefined {
    return this.isConfined ? 1 : this.inside;
  }

  get running(): boolean {
    return this.child.pid !== undefined && this.child.exitCode === null && this.child.signalCode === null;
  }

  /** Its exit status; null where it is running, or was ended by a signal. */
  get exitCode(): number | null {
    return this.child.exitCode;
  }

  kill(signal: NodeJS.Signals): void {
    if (!this.running) return;
    if (!this.isConfined || this.inside === undefined) return void this.child.kill(signal);
    try {
      process.kill(this.inside, signal);
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error;
    }
  }
}

/** @returns undefined where the sandbox could not be made: its log says why */
async function insideOf(child: ChildProcess): Promise<number | undefined> {
  const info = child.stdio[INFO_FD];
  if (!(info instanceof Readable)) return undefined;
  const pid = /"child-pid": (\d+)/.exec(await text(info).catch(() => ''))?.[1];
  return pid === undefined ? undefined : Number(pid);
}
