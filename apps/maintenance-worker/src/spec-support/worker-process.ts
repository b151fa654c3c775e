import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { eventually } from '@hozen/testkit';

const MAIN = fileURLToPath(new URL('../../dist/main.js', import.meta.url));
const REGISTER = fileURLToPath(new URL('../../../../libs/telemetry/dist/register.js', import.meta.url));

/** The maintenance worker as it runs in production: a process of its own from the built code. */
export class WorkerProcess implements AsyncDisposable {
  private constructor(
    private readonly child: ChildProcess,
    private readonly home: string,
    readonly logFile: string,
  ) {}

  /** Does not wait: it may be meant to die on the way. */
  static launch(home: string, env: NodeJS.ProcessEnv): WorkerProcess {
    const logFile = `${home}/worker.log`;
    const log = createWriteStream(logFile, { flags: 'a' });
    // It ends with the test, however the test ends.
    const args = ['--pdeathsig', 'KILL', process.execPath, '--import', REGISTER, MAIN];
    const child = spawn('setpriv', args, {
      env: { PATH: process.env['PATH'], OTEL_SERVICE_NAME: 'maintenance-worker', HOZEN_HOME: home, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    child.stdout.pipe(log, { end: false });
    child.stderr.pipe(log, { end: false });
    child.once('close', () => log.end());
    return new WorkerProcess(child, home, logFile);
  }

  /** Where it listens, once it is ready. */
  async url(): Promise<string> {
    return eventually(
      async () => {
        if (!this.running) throw new Error(`the worker ended:\n${await readFile(this.logFile, 'utf8')}`);
        const text = await readFile(`${this.home}/run/maintenance-worker.json`, 'utf8');
        const facts = JSON.parse(text) as { pid: number; url: string };
        if (facts.pid !== this.child.pid) throw new Error('the worker has not written its address yet');
        const response = await fetch(`${facts.url}/health/ready`);
        if (!response.ok) throw new Error(`the worker is not ready: ${await response.text()}`);
        return facts.url;
      },
      { within: 30_000 },
    );
  }

  get running(): boolean {
    return this.child.exitCode === null && this.child.signalCode === null;
  }

  kill(signal: NodeJS.Signals): void {
    this.child.kill(signal);
  }

  /** Resolves when the process is gone. */
  async exit(): Promise<void> {
    if (this.running) await once(this.child, 'exit');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // A paused process cannot handle SIGTERM.
    this.kill('SIGCONT');
    this.kill('SIGTERM');
    await this.exit();
  }
}
