import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { open, readFile, rename, rm, stat } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { HozenError } from '@hozen/contracts';
import { findProgram } from '@hozen/dbms';
import type { Service } from '../services/addresses.js';

const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 30_000;
/** A service that ran this long before it died starts again with the first pause. */
const HEALTHY_AFTER_MS = 60_000;
const STOP_MS = 30_000;
const LARGEST_LOG = 20_000_000;
const LOG_TAIL = 3_000;

export interface ServiceStart {
  service: Service;
  /** Node's arguments: hooks and the file. */
  args: string[];
  env: NodeJS.ProcessEnv;
  logFile: string;
  /** Where the service writes its address when it listens. */
  runFile: string;
  /** Told when it ended without being asked to, before it is started again. */
  onDeath(how: string, pauseMs: number): void;
}

/** A service as a child process: started again when it crashes, gone when we are gone. */
export class SupervisedService {
  private child: ChildProcess | undefined;
  private readonly stopping = new AbortController();
  private readonly supervision: Promise<void>;
  private deaths = 0;

  private constructor(private readonly start: ServiceStart) {
    this.supervision = this.supervise();
  }

  static async launch(start: ServiceStart): Promise<SupervisedService> {
    // One that an earlier start left would be taken for this one's.
    await rm(start.runFile, { force: true });
    return new SupervisedService(start);
  }

  /** Waits until the service says that it is ready. @returns its URL. @throws HozenError SERVER_START_FAILED */
  async ready(timeoutMs: number, signal: AbortSignal): Promise<string> {
    const deadline = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]);
    for (;;) {
      const url = await this.readyUrl();
      if (url !== undefined) return url;
      signal.throwIfAborted();
      // Dying again and again is a fault that waiting does not cure.
      if (deadline.aborted || this.deaths >= 3) {
        throw new HozenError('SERVER_START_FAILED', { server: this.start.service }, { detail: await this.logTail() });
      }
      await delay(100);
    }
  }

  /** Asks it to end, waits, and kills it when it does not. */
  async stop(): Promise<void> {
    this.stopping.abort();
    this.child?.kill('SIGTERM');
    const timer = new AbortController();
    const late = delay(STOP_MS, undefined, { signal: timer.signal }).then(
      () => this.child?.kill('SIGKILL'),
      () => undefined,
    );
    await Promise.race([this.supervision, late]);
    timer.abort();
    await this.supervision;
  }

  private async supervise(): Promise<void> {
    let pause = FIRST_PAUSE_MS;
    while (!this.stopping.signal.aborted) {
      const startedAt = performance.now();
      const how = await this.runOnce();
      if (this.stopping.signal.aborted) return;
      this.deaths += 1;
      if (performance.now() - startedAt > HEALTHY_AFTER_MS) pause = FIRST_PAUSE_MS;
      this.start.onDeath(how, pause);
      await delay(pause, undefined, { signal: this.stopping.signal }).catch(() => undefined);
      pause = Math.min(pause * 2, LONGEST_PAUSE_MS);
    }
  }

  /** @returns how it ended */
  private async runOnce(): Promise<string> {
    const { args, env, logFile } = this.start;
    await setLargeLogAside(logFile);
    const log = await open(logFile, 'a', 0o600);
    try {
      const [program, ...before] = dyingWithUs();
      // A group of its own: Ctrl-C reaches only us, and we stop the services in order.
      this.child = spawn(program, [...before, ...args], {
        env,
        stdio: ['ignore', log.fd, log.fd],
        detached: true,
      });
      if (this.stopping.signal.aborted) this.child.kill('SIGTERM');
      const [code, signal] = (await once(this.child, 'exit')) as [number | null, NodeJS.Signals | null];
      return signal ?? `exit ${code}`;
    } catch (error) {
      return (error as Error).message;
    } finally {
      await log.close();
    }
  }

  private async readyUrl(): Promise<string | undefined> {
    try {
      const { url, pid } = JSON.parse(await readFile(this.start.runFile, 'utf8')) as { url: string; pid: number };
      if (pid !== this.child?.pid) return undefined;
      const response = await fetch(`${url}/health/ready`, { signal: AbortSignal.timeout(2_000) });
      return response.ok ? url : undefined;
    } catch {
      return undefined;
    }
  }

  private async logTail(): Promise<string> {
    const log = await readFile(this.start.logFile, 'utf8').catch(() => '');
    return `${this.start.logFile}\n${log.slice(-LOG_TAIL).trim()}`;
  }
}

/** setpriv replaces itself by the service, which keeps the pid and is told when we die, however we die. */
function dyingWithUs(): [string, ...string[]] {
  const setpriv = process.platform === 'linux' ? findProgram('setpriv') : undefined;
  return setpriv === undefined ? [process.execPath] : [setpriv, '--pdeathsig', 'TERM', '--', process.execPath];
}

async function setLargeLogAside(file: string): Promise<void> {
  const size = await stat(file).then(
    (facts) => facts.size,
    () => 0,
  );
  if (size > LARGEST_LOG) await rename(file, `${file}.1`);
}
