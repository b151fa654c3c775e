import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { guarded, type RunAs } from '../processes/guarded.js';
import { readPostmasterFile } from './postmaster-file.js';

export type StopMode = 'fast' | 'immediate';

export interface PostmasterOptions {
  bin: string;
  dataDir: string;
  settings: Readonly<Record<string, string | number | boolean>>;
  logFile: string;
  runAs: RunAs | undefined;
}

/** Milliseconds that each way of stopping gets before the next harder one. */
const PATIENCE_MS = { fast: 30_000, immediate: 10_000 } as const;

const SIGNALS = { fast: 'SIGINT', immediate: 'SIGQUIT' } as const;

/** One life of a server process. */
export class Postmaster {
  private readonly gone: Promise<void>;

  private constructor(
    private readonly child: ChildProcess,
    private readonly dataDir: string,
  ) {
    this.gone = new Promise((resolve) => {
      child.once('exit', () => resolve());
      child.once('error', () => resolve());
    });
  }

  static async spawn({ bin, dataDir, settings, logFile, runAs }: PostmasterOptions): Promise<Postmaster> {
    const flags = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
    // QUIT and not KILL: the server then ends its own processes, and leaves no shared memory behind.
    const { path, args } = guarded({ path: join(bin, 'postgres'), args: ['-D', dataDir, ...flags] }, 'QUIT', runAs);
    const log = await open(logFile, 'a', 0o600);
    try {
      const child = spawn(path, args, {
        env: { PATH: '/usr/bin:/bin', LC_ALL: 'C', TZ: 'UTC' },
        cwd: '/',
        stdio: ['ignore', log.fd, log.fd],
        detached: true,
      });
      const postmaster = new Postmaster(child, dataDir);
      if (child.pid === undefined) await once(child, 'error');
      return postmaster;
    } finally {
      await log.close();
    }
  }

  get pid(): number | undefined {
    return this.child.pid;
  }

  get running(): boolean {
    return this.child.pid !== undefined && this.child.exitCode === null && this.child.signalCode === null;
  }

  /** @returns false when the process ended, the time is over, or the signal came, before the server was ready */
  async ready(timeoutMs: number, signal?: AbortSignal): Promise<boolean> {
    const deadline = performance.now() + timeoutMs;
    while (this.running && performance.now() < deadline) {
      if (signal?.aborted) return false;
      const file = await readPostmasterFile(this.dataDir);
      if (file?.pid === this.child.pid && file?.status === 'ready') return true;
      await delay(10);
    }
    return false;
  }

  /** Returns when the process is gone. */
  async stop(mode: StopMode): Promise<void> {
    const ways = mode === 'fast' ? (['fast', 'immediate'] as const) : (['immediate'] as const);
    for (const way of ways) {
      if (!this.running) return;
      this.child.kill(SIGNALS[way]);
      if (await this.goneWithin(PATIENCE_MS[way])) return;
    }
    this.child.kill('SIGKILL');
    await this.gone;
  }

  private async goneWithin(milliseconds: number): Promise<boolean> {
    const timer = new AbortController();
    const late = delay(milliseconds, false, { signal: timer.signal }).catch(() => false);
    try {
      return await Promise.race([this.gone.then(() => true), late]);
    } finally {
      timer.abort();
    }
  }
}
