import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { RunAs } from '../processes/guarded.js';
import type { SandboxView } from '../processes/sandbox-arguments.js';
import { ServerProcess } from '../processes/server-process.js';
import { readPostmasterFile } from './postmaster-file.js';

export type StopMode = 'fast' | 'immediate';

export interface PostmasterOptions {
  bin: string;
  dataDir: string;
  settings: Readonly<Record<string, string | number | boolean>>;
  logFile: string;
  runAs: RunAs | undefined;
  sandbox?: SandboxView | undefined;
}

/** Milliseconds that each way of stopping gets before the next harder one. */
const PATIENCE_MS = { fast: 30_000, immediate: 10_000 } as const;

const SIGNALS = { fast: 'SIGINT', immediate: 'SIGQUIT' } as const;

/** One life of a server process. */
export class Postmaster {
  private constructor(
    private readonly process: ServerProcess,
    private readonly dataDir: string,
  ) {}

  /** @throws HozenError SANDBOX_MISSING, TOOL_MISSING */
  static async spawn({ bin, dataDir, settings, ...how }: PostmasterOptions): Promise<Postmaster> {
    const flags = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
    const command = { path: join(bin, 'postgres'), args: ['-D', dataDir, ...flags] };
    // QUIT and not KILL: the server then ends its own processes, and leaves no shared memory behind.
    return new Postmaster(await ServerProcess.spawn({ command, whenWeDie: 'QUIT', ...how }), dataDir);
  }

  get pid(): number | undefined {
    return this.process.pid;
  }

  get running(): boolean {
    return this.process.running;
  }

  /** @returns false when the process ended, the time is over, or the signal came, before the server was ready */
  async ready(timeoutMs: number, signal?: AbortSignal): Promise<boolean> {
    const deadline = performance.now() + timeoutMs;
    while (this.running && performance.now() < deadline) {
      if (signal?.aborted) return false;
      const file = await readPostmasterFile(this.dataDir);
      if (file?.pid === this.process.ownPid && file?.status === 'ready') return true;
      await delay(10);
    }
    return false;
  }

  /** Returns when the process is gone. */
  async stop(mode: StopMode): Promise<void> {
    const ways = mode === 'fast' ? (['fast', 'immediate'] as const) : (['immediate'] as const);
    for (const way of ways) {
      if (!this.running) return;
      this.process.kill(SIGNALS[way]);
      if (await this.goneWithin(PATIENCE_MS[way])) return;
    }
    this.process.kill('SIGKILL');
    await this.process.gone;
  }

  private async goneWithin(milliseconds: number): Promise<boolean> {
    const timer = new AbortController();
    const late = delay(milliseconds, false, { signal: timer.signal }).catch(() => false);
    try {
      return await Promise.race([this.process.gone.then(() => true), late]);
    } finally {
      timer.abort();
    }
  }
}
